//! What several servers on one database still owe to a viewer under faults; each name here is one behaviour with real servers
//! and fails until it is written. How servers relay the live text of chats is tested in `warren-server`.

macro_rules! owed {
    ($reason:literal: $($behaviour:ident),+ $(,)?) => {$(
        #[test]
        #[ignore = $reason]
        fn $behaviour() {
            panic!("this is not written yet: {}", $reason);
        }
    )+};
}

owed!("there is no campaign of faults over several servers yet":
    two_hundred_chats_on_three_servers_survive_random_kills,
    clocks_that_disagree_by_five_minutes_change_nothing_for_viewers,
    a_rolling_restart_drops_no_text,
);
