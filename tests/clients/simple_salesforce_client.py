"""simple-salesforce against the sandbox: login, describe, query, upsert, and a refusal."""

import json
import os
import sys

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError


def report(value):
    print(json.dumps(value), flush=True)


def refusal(call):
    """What the call failed with; None if it went through."""
    try:
        call()
    except SalesforceError as error:
        return {
            "name": type(error).__name__,
            "status": error.status,
            "code": error.content[0]["errorCode"],
        }
    return None


def main():
    url = os.environ["SALESFORCE_URL"]
    grant = {
        "grant_type": "client_credentials",
        "client_id": os.environ["CLIENT_ID"],
        "client_secret": os.environ["CLIENT_SECRET"],
    }
    # Its own login by client credentials takes a domain of the vendor's, not a URL.
    token = requests.post(f"{url}/services/oauth2/token", data=grant, timeout=10).json()
    client = Salesforce(
        instance_url=token["instance_url"], session_id=token["access_token"], version="66.0"
    )
    names = [field["name"] for field in client.Lead.describe()["fields"]]
    report({"step": "describe", "known": "Intercom_Contact_ID__c" in names})

    key = "Intercom_Contact_ID__c/e:2"
    first = client.Lead.upsert(key, {"LastName": "Hopper", "Company": "Navy"})
    second = client.Lead.upsert(key, {"Title": "Admiral"})
    row = client.Lead.get_by_custom_id("Intercom_Contact_ID__c", "e:2")
    report({"step": "upsert", "statuses": [first, second], "title": row["Title"]})

    found = client.query_all("SELECT Id, LastName FROM Contact ORDER BY LastName")
    report({"step": "query", "total": found["totalSize"], "fetched": len(found["records"])})
    report(
        {
            "step": "refusals",
            "field": refusal(lambda: client.Lead.update(row["Id"], {"Nothing__c": "x"})),
            "query": refusal(lambda: client.query("SELECT Nothing__c FROM Lead")),
            "absent": refusal(lambda: client.Lead.get("00Q5g0000000000EAA")),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
