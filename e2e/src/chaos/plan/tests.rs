use super::*;

fn options(seed: u64) -> PlanOptions {
    PlanOptions { seed, n_faults: 5_000, duration: Duration::from_secs(300), n_servers: 3, has_clocks: true }
}

#[test]
fn the_same_seed_plans_the_same_faults_and_another_one_others() {
    assert_eq!(plan(&options(7)), plan(&options(7)));
    assert_ne!(plan(&options(7)), plan(&options(8)));
}

#[test]
fn a_plan_has_so_many_faults_in_order_of_time_and_of_every_kind() {
    let planned = plan(&options(1));
    assert_eq!(planned.len(), 5_000);
    assert!(planned.is_sorted_by_key(|planned| planned.at));
    assert!(planned.iter().all(|planned| planned.at < Duration::from_secs(300)));
    let kinds: std::collections::BTreeSet<_> = planned.iter().map(|planned| planned.fault.kind()).collect();
    assert_eq!(kinds.len(), 3 * 2 + 2 + 3 * 4 + 4 + 2, "{kinds:#?}");
}

#[test]
fn no_clock_is_touched_where_clocks_cannot_be_offset() {
    let planned = plan(&PlanOptions { has_clocks: false, ..options(1) });
    let touches =
        |planned: &Planned| matches!(planned.fault, Fault::Process { blow: Blow::KillAndSetClock(_), .. });
    assert!(!planned.iter().any(touches));
}

#[test]
fn storms_of_one_line_do_not_meet() {
    let mut ends: BTreeMap<_, Duration> = BTreeMap::new();
    for Planned { at, fault } in plan(&PlanOptions { n_faults: 50_000, ..options(3) }) {
        if let Fault::Line {
            link,
            server,
            storm: Storm::Hold(lasts) | Storm::Refuse(lasts) | Storm::Slow { lasts, .. },
        } = fault
        {
            let end = ends.entry((link, server)).or_default();
            assert!(*end <= at);
            *end = at + lasts;
        }
    }
}
