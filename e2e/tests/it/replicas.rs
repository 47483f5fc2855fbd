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

owed!("nobody restarts servers one after the other yet":
    a_rolling_restart_drops_no_text,
);
