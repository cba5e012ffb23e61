//! What an error of a transaction means for its owner.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// An error of the brokers or of librdkafka, judged.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub reason: String,
    /// The same call may be made again.
    pub is_retriable: bool,
    /// Somebody else has taken the transactional id over, or librdkafka says that it may be so.
    pub is_fenced: bool,
    /// The producer is of no more use, whoever has its id: what its transaction holds ends when the
    /// id is taken over.
    pub is_broken: bool,
}

impl Refusal {
    /// One after which the transaction can be aborted, and the next one begun.
    pub fn abortable(reason: String) -> Self {
        Self {
            reason,
            is_retriable: false,
            is_fenced: false,
            is_broken: false,
        }
    }

    /// One after which the producer is of no more use.
    pub fn broken(reason: String) -> Self {
        Self {
            is_broken: true,
            ..Self::abortable(reason)
        }
    }
}

impl From<KafkaError> for Refusal {
    fn from(error: KafkaError) -> Self {
        let reason = said(&error);
        let fenced = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::Fenced
                    | RDKafkaErrorCode::Fatal
                    | RDKafkaErrorCode::ProducerFenced
                    | RDKafkaErrorCode::InvalidProducerEpoch
                    | RDKafkaErrorCode::InvalidProducerIdMapping
                    | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            )
        );
        let (is_retriable, is_fatal) = match &error {
            KafkaError::Transaction(error) => (error.is_retriable(), error.is_fatal()),
            _ => (false, false),
        };
        Self {
            reason,
            is_retriable,
            is_fenced: fenced || is_fatal,
            is_broken: false,
        }
    }
}

/// An error in its own words.
pub fn said(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(error) => error.string(),
        other => other.to_string(),
    }
}
