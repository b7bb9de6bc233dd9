//! The network between member and broker cuts, freezes and delays.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use muster_sandbox::Kafka;
use muster_sandbox::kafka::own_broker_for_tests;
use muster_stream::ReceiverConfig;

use crate::oracle::{Desk, Ledger, Process, wait_until};
use crate::proxy::Proxy;
use crate::world::World;

/// A broker that clients reach by a proxy only.
fn behind_a_proxy() -> Option<(Kafka, Proxy, World)> {
    // Whether there is a broker to be had at all is said by the sandbox.
    drop(own_broker_for_tests()?);
    let proxy = Proxy::new();
    let advertised = format!("PLAINTEXT://{}", proxy.address);
    let kafka = Kafka::start_with(&[("advertised.listeners", &advertised)]).unwrap();
    proxy.lead_to(kafka.brokers());
    let world = World::on(proxy.address.clone(), "wire", 3);
    Some((kafka, proxy, world))
}

fn quick(world: &World) -> ReceiverConfig {
    world.config_with(&["socket.timeout.ms=2000", "socket.connection.setup.timeout.ms=2000"])
}

#[test]
fn a_network_that_cuts_freezes_or_delays_loses_and_doubles_nothing() {
    let Some((_kafka, proxy, world)) = behind_a_proxy() else {
        return;
    };
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(quick(&world), Desk::new(&ledger));
    world.publish(0, 1_000);
    wait_until(30, "the first events", || ledger.count() == 1_000);

    proxy.wire.cut_open_connections();
    world.publish(1_000, 2_000);
    wait_until(30, "events after a cut", || ledger.count() == 2_000);

    // Half-open: what is connected is swallowed and never closed. Noticed within the socket's timeout of 2 s and the
    // half second a fetch may wait, then connected anew.
    proxy.wire.freeze_open_connections();
    let begun = Instant::now();
    world.publish(2_000, 3_000);
    wait_until(30, "events after a freeze", || ledger.count() == 3_000);
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "a half-open connection took {:?}",
        begun.elapsed()
    );

    // Everything is swallowed for a while, new connections too, for longer than the session lasts.
    proxy.wire.frozen.store(true, Ordering::SeqCst);
    proxy.wire.freeze_open_connections();
    std::thread::sleep(Duration::from_secs(8));
    proxy.wire.frozen.store(false, Ordering::SeqCst);
    world.publish(3_000, 4_000);
    wait_until(40, "events after a long freeze", || ledger.count() == 4_000);

    proxy.wire.delay_ms.store(100, Ordering::SeqCst);
    world.publish(4_000, 5_000);
    wait_until(40, "events over a slow wire", || ledger.count() == 5_000);
    proxy.wire.delay_ms.store(0, Ordering::SeqCst);

    ledger.assert_clean(5_000);
    process.stop();
}
