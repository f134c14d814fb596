//! Kills, restarts and replaces three replicas behind a load balancer while clients send requests. The right procedure
//! loses no request, and each mistake loses some. `cargo xtask scale` shows the same. Tests of a load balancer that is
//! not installed are skipped, with a message.
#![cfg(target_os = "linux")]

use scale::{Demonstration, Front, Setup, TOPICS};

fn demonstrations() -> impl Iterator<Item = &'static Demonstration> {
    TOPICS.iter().flat_map(|topic| topic.demonstrations)
}

/// Runs a demonstration, and checks that its result is the expected one.
fn show(front: Front, name: &str) {
    if front.find().is_none() {
        println!("skipped: {} is not installed", front.program());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup {
        program: env!("CARGO_BIN_EXE_httpserver").into(),
        front,
        directory: directory.path().to_owned(),
    };
    let demonstration = demonstrations().find(|it| it.name == name).unwrap();
    let outcome = demonstration.run(&setup).unwrap();
    println!("{name}: {outcome:?}");
    let Demonstration { is_wrong, why, .. } = demonstration;
    assert_eq!(outcome.is_wrong, *is_wrong, "{name}, {why}: {outcome:#?}");
}

macro_rules! demonstrations {
    ($($test:ident: $name:literal,)*) => {
        mod behind_haproxy {
            $(#[test]
            fn $test() {
                super::show(scale::Front::Haproxy, $name);
            })*
        }

        mod behind_nginx {
            $(#[test]
            fn $test() {
                super::show(scale::Front::Nginx, $name);
            })*
        }

        #[test]
        fn each_demonstration_has_its_test() {
            let all = demonstrations().filter(|it| !it.needs_redis);
            let names: Vec<_> = all.map(|it| it.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

demonstrations! {
    local_buckets_multiply_a_limit: "limit-local",
    without_retries_a_killed_replica_loses_requests: "killed-no-retry",
    with_retries_a_killed_replica_loses_no_get: "killed-retry",
    a_retried_post_is_carried_out_twice: "killed-retry-post",
    the_right_order_of_a_restart_loses_nothing: "rolling-right",
    killing_in_place_of_stopping_loses_requests: "rolling-kill",
    closing_the_socket_too_early_loses_requests: "rolling-no-delay",
    stopping_the_next_too_early_loses_requests: "rolling-next-too-early",
    stopping_all_at_once_loses_requests: "rolling-all-at-once",
    a_release_that_is_never_ready_is_rolled_back_without_a_loss: "release-rolled-back",
    a_release_that_is_not_probed_loses_requests: "release-unchecked",
    a_server_that_waits_longer_than_the_load_balancer_loses_nothing: "idle-server-last",
    a_server_that_closes_an_idle_connection_first_loses_requests: "idle-server-first",
}

#[cfg(feature = "redis")]
#[test]
fn a_bucket_in_redis_is_one_limit_for_all_replicas() {
    if scale::find("redis-server").is_none() {
        println!("skipped: redis-server is not installed");
        return;
    }
    show(Front::Haproxy, "limit-shared");
    show(Front::Nginx, "limit-shared");
}
