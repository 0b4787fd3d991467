//! What things cost, against what AWS says they do.

use bivouac_model::{Capacity, Usd};
use bivouac_planner::{Prices, Resources};

/// AWS's own examples on <https://aws.amazon.com/fargate/pricing/> ("Pricing Examples", US East (N. Virginia)), which leave
/// the public address out. Every part is rounded to the cent there.
#[test]
fn the_examples_that_aws_publishes_come_out_the_same() {
    // No public address in the examples.
    let prices = Prices { public_ipv4_hour: 0.0, ..Prices::default() };
    let gb = |gb: u32| gb * 1024;
    for (name, resources, tasks, seconds_a_day, total) in [
        ("Example 1", Resources { cpu: 1024, memory: gb(2), storage: 30, arm: false, windows: false }, 5, 600, "$1.26"),
        ("Example 2", Resources { cpu: 1024, memory: gb(2), storage: 30, arm: true, windows: false }, 5, 600, "$1.02"),
        (
            "Example 3",
            Resources { cpu: 256, memory: gb(1), storage: 20, arm: false, windows: false },
            10,
            3600,
            "$4.37",
        ),
    ] {
        let month = std::time::Duration::from_secs(seconds_a_day * 30 * tasks);
        assert_eq!(prices.hourly(&resources, Capacity::OnDemand).per_hour_over(month).to_string(), total, "{name}");
    }
}

#[test]
fn spot_is_a_part_of_the_price_of_what_it_is_and_not_of_the_address() {
    let prices = Prices { spot_factor: 0.25, ..Prices::default() };
    let resources = Resources { cpu: 1024, memory: 2048, storage: 20, arm: false, windows: false };
    let spot = prices.hourly(&resources, Capacity::Spot);
    assert_eq!(spot, Usd::from_dollars((0.04048 + 2.0 * 0.004_445) * 0.25 + 0.005));
}

/// The list prices of aws.amazon.com/fargate/pricing for Windows in US East (N. Virginia): $0.09148 for a vCPU, $0.01005 for a
/// GB, and $0.046 for the licence of a vCPU.
#[test]
fn windows_is_priced_as_windows_and_never_as_spot() {
    let prices = Prices { public_ipv4_hour: 0.0, ..Prices::default() };
    let resources = Resources { cpu: 2048, memory: 4096, storage: 20, arm: false, windows: true };
    let hour = Usd::from_dollars(2.0 * (0.09148 + 0.046) + 4.0 * 0.01005);
    for capacity in [Capacity::OnDemand, Capacity::Spot] {
        assert_eq!(prices.hourly(&resources, capacity), hour);
    }
}
