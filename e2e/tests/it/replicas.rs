//! What several servers on one database still owe to a viewer: his server shall show the live text of a chat that another one
//! runs. Until servers relay it he sees committed messages only. The decisions are tested with the relay session of
//! `warren-chat-proto`; each name here is one behaviour with real sockets and fails until it is written.

macro_rules! owed {
    ($reason:literal: $($behaviour:ident),+ $(,)?) => {$(
        #[test]
        #[ignore = $reason]
        fn $behaviour() {
            panic!("this is not written yet: {}", $reason);
        }
    )+};
}

owed!("servers do not relay the live text of chats yet":
    a_relay_that_drops_is_opened_again_and_its_parts_come,
    a_dial_that_hangs_does_not_hold_up_what_is_committed,
    parts_from_before_the_dial_come_first_and_in_order,
    a_dial_for_an_earlier_owner_is_thrown_away,
    leaving_ends_a_dial_that_is_under_way,
    a_chat_that_moves_between_others_is_followed,
    a_dial_that_fails_is_tried_again,
    a_chat_that_comes_home_closes_its_relay,
    three_relays_in_a_row_lose_nothing,
    each_race_of_the_relay_is_guarded_over_sockets,
    an_episode_that_does_not_exist_yet_is_waited_for,
    another_episode_is_chosen_on_the_same_connection,
    a_refused_dial_is_not_tried_again_until_the_owner_changes,
    a_viewer_with_nothing_but_a_cookie_gets_relayed_parts,
    a_request_that_came_by_a_relay_opens_no_other,
    local_and_relayed_parts_are_the_same,
    a_thousand_viewers_share_one_relay,
);

owed!("there is no campaign of faults over several servers yet":
    two_hundred_chats_on_three_servers_survive_random_kills,
    clocks_that_disagree_by_five_minutes_change_nothing_for_viewers,
    a_rolling_restart_drops_no_text,
);
