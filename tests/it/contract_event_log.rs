//! The contract of the event log port. Every adapter runs every function; none may assume dense
//! offsets, or that what was appended is visible to the very next read.

mod appending;
pub mod bench;
mod committing;
mod embedded;
mod embedded_crash;
mod groups;
mod kafka;
mod left_open;
mod reading;

/// One test per function of the contract, on one adapter.
macro_rules! contract {
    ($bench:expr; $($module:ident :: { $($name:ident),* $(,)? }),* $(,)?) => { $( $(
        #[test]
        fn $name() {
            if let Some(bench) = $bench {
                crate::contract_event_log::$module::$name(&bench);
            }
        }
    )* )* };
}

/// Lists the whole contract, so that an adapter cannot leave a part out.
macro_rules! whole_contract {
    ($bench:expr) => {
        crate::contract_event_log::contract! { $bench;
            appending::{
                entries_of_a_partition_keep_their_order,
                appenders_at_once_keep_their_own_order,
                batches_that_are_appended_in_one_call_are_all_there,
                what_an_append_returned_from_is_there_after_reopening,
                a_batch_with_its_cursor_appears_whole_or_not_at_all,
                one_key_stays_in_one_partition,
                the_newest_of_a_key_is_found_until_its_tombstone,
                messages_and_partitions_that_do_not_fit_are_refused,
            },
            reading::{
                a_waiting_reader_is_woken_by_an_append,
                a_read_without_entries_ends_empty_when_its_time_is_over,
                a_read_stays_within_its_limits_but_returns_at_least_one,
                inputs_are_merged_in_the_order_they_were_named,
                bytes_that_nobody_can_read_come_as_undecodable,
            },
            committing::{
                outputs_and_positions_are_committed_together,
                outputs_of_an_aborted_commit_are_never_seen,
                after_an_abort_the_same_entries_are_read_again,
                an_unknown_outcome_that_happened_is_settled_without_doubling,
                the_call_after_a_settled_one_is_a_call_of_its_own,
                a_crash_in_a_commit_leaves_all_of_it_or_nothing,
                positions_never_go_backwards,
                what_the_role_of_a_lease_does_not_write_is_refused,
                a_commit_tells_where_its_outputs_ended,
            },
            groups::{
                a_group_goes_on_where_it_committed,
                groups_do_not_see_each_others_positions,
                a_lease_ends_when_somebody_else_acquires,
                of_two_owners_at_once_only_the_newer_one_commits,
                a_lease_tells_where_the_topics_ended,
                a_group_that_took_everything_leaves_nothing_to_its_successor,
            },
        }
    };
}

use contract;
use whole_contract;
