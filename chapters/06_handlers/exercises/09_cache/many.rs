//! Many entries, large ones, and many clients at the same time.

use std::thread;
use std::time::{Duration, Instant};

use wire::at_once;
use wire::exercise::{Connection, Failure, Server};

use super::answers::{count, hit, never, same};

/// Eight clients are more than the server has workers, so some have to wait.
const TURN: Duration = Duration::from_secs(15);

pub(super) fn the_oldest_of_many_goes(server: &Server) -> Result<(), Failure> {
    let mut client = connect(server)?;
    let target = |number: usize| format!("/counter?ttl=600&n={number}");
    for number in 0..128 {
        client.get(&target(number))?.status(200)?.field("X-Cache", "MISS")?;
    }
    // The first is used again, so the second is now the least recently used.
    hit(&client.get(&target(0))?)?;
    client.get(&target(128))?.status(200)?.field("X-Cache", "MISS")?;
    for number in [0, 2, 3, 64, 127, 128] {
        hit(&client.get(&target(number))?)?;
    }
    client.get(&target(1))?.status(200)?.field("X-Cache", "MISS")?;
    // So the fifth was evicted: the third and the fourth have just been used.
    client.get(&target(4))?.status(200)?.field("X-Cache", "MISS")?;
    Ok(())
}

pub(super) fn the_oldest_of_large_ones_goes(server: &Server) -> Result<(), Failure> {
    let mut client = connect(server)?;
    let target = |number: usize| format!("/counter?ttl=600&kb=1000&n={number}");
    for number in 0..8 {
        client.get(&target(number))?.status(200)?.field("X-Cache", "MISS")?;
    }
    hit(&client.get(&target(0))?)?;
    client.get(&target(8))?.status(200)?.field("X-Cache", "MISS")?;
    for number in [0, 2, 7, 8] {
        hit(&client.get(&target(number))?)?;
    }
    client.get(&target(1))?.status(200)?.field("X-Cache", "MISS")?;
    let large = |kb: u32| format!("/counter?ttl=600&kb={kb}");
    client.get(&large(1023))?.status(200)?;
    hit(&client.get(&large(1023))?)?;
    for kb in [1024, 3000] {
        let first = client.get(&large(kb))?;
        never(&client.get(&large(kb))?, count(&first)?)?;
    }
    Ok(())
}

pub(super) fn nobody_waits_for_a_handler(server: &Server) -> Result<(), Failure> {
    const SOON: Duration = Duration::from_millis(1500);
    let kept = "/counter?ttl=60&n=kept";
    server.get(kept)?.status(200)?;
    thread::scope(|scope| {
        let slow = scope.spawn(|| server.get("/counter?ttl=60&ms=3000")?.status(200).map(drop));
        thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        let found = server.get(kept)?;
        hit(&found)?;
        let made = server.get("/counter?ttl=60&n=new")?;
        made.status(200)?;
        let took = start.elapsed();
        let expected = "two responses at once, while a handler is busy with another request";
        made.require(took < SOON, expected, format!("responses after {took:.1?}"))?;
        // A panic here is a bug in the check, not in the solution.
        slow.join().expect("no check panics")
    })
}

pub(super) fn changes_elsewhere_do_not_matter(server: &Server) -> Result<(), Failure> {
    let slow = "/counter?ttl=60&ms=2000";
    thread::scope(|scope| {
        let made = scope.spawn(|| server.get(slow)?.status(200).map(drop));
        // These requests probably arrive while the response is being generated, but a client cannot
        // be sure.
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(300));
            server.ask("POST", "/echo", &[], b"x")?.status(200)?;
        }
        // A panic here is a bug in the check, not in the solution.
        made.join().expect("no check panics")
    })?;
    hit(&server.get(slow)?)?;
    Ok(())
}

pub(super) fn eight_threads(server: &Server) -> Result<(), Failure> {
    let mut counts = Vec::new();
    for number in 0..4 {
        let target = format!("/counter?ttl=600&n={number}");
        let count = count(server.get(&target)?.status(200)?)?;
        counts.push((target, count));
    }
    let ask_often = |thread: usize| {
        let mut client = connect(server)?;
        for number in 0..100 {
            let (target, count) = &counts[(thread + number) % counts.len()];
            same(&client.get(target)?, *count)?;
            // Entries of other clients must not interfere.
            let own = format!("/counter?ttl=600&t={thread}&n={}", number / 20);
            client.get(&own)?.status(200)?;
        }
        Ok(())
    };
    at_once(8, ask_often).into_iter().collect()
}

/// A connection that waits long enough for a worker.
fn connect(server: &Server) -> Result<Connection<'_>, Failure> {
    let mut connection = server.connect()?;
    connection.client().set_patience(TURN);
    Ok(connection)
}
