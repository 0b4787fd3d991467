//! `[prices]` and `[deadlines]`: the tables of the planner that seldom need another value.

use std::cell::RefCell;
use std::time::Duration;

use bivouac_planner::{Deadlines, Prices};

use super::reader::Section;

/// `[prices]`, in dollars; [`Prices`] says what each is and where its default comes from. And which are the default.
pub(super) fn prices(section: Section<'_>) -> (Prices, Vec<&'static str>) {
    let default = Prices::default();
    let unsaid = RefCell::new(Vec::new());
    let price = |key: &'static str, default: f64| {
        if !section.has(key) {
            unsaid.borrow_mut().push(key);
        }
        section.number(key, 0.0..=1000.0).unwrap_or(default)
    };
    let prices = Prices {
        vcpu_hour: price("vcpu_hour", default.vcpu_hour),
        gb_hour: price("gb_hour", default.gb_hour),
        arm_vcpu_hour: price("arm_vcpu_hour", default.arm_vcpu_hour),
        arm_gb_hour: price("arm_gb_hour", default.arm_gb_hour),
        windows_vcpu_hour: price("windows_vcpu_hour", default.windows_vcpu_hour),
        windows_gb_hour: price("windows_gb_hour", default.windows_gb_hour),
        spot_factor: section.number("spot_factor", 0.0..=1.0).unwrap_or(default.spot_factor),
        storage_gb_hour: price("storage_gb_hour", default.storage_gb_hour),
        public_ipv4_hour: price("public_ipv4_hour", default.public_ipv4_hour),
        ecr_gb_month: price("ecr_gb_month", default.ecr_gb_month),
    };
    section.done();
    (prices, unsaid.into_inner())
}

/// `[deadlines]`; [`Deadlines`] says what each is and where its default comes from.
pub(super) fn deadlines(section: Section<'_>) -> Deadlines {
    let default = Deadlines::default();
    let (second, hour, day) = (Duration::from_secs(1), Duration::from_secs(3600), Duration::from_secs(86400));
    let wait = |key: &str, default: Duration| section.duration(key, second..=day).unwrap_or(default);
    let pace = |key: &str, default: Duration| section.duration(key, second..=hour).unwrap_or(default);
    let deadlines = Deadlines {
        spot: wait("spot", default.spot),
        start: wait("start", default.start),
        health: wait("health", default.health),
        drain: wait("drain", default.drain),
        soon: pace("soon", default.soon),
        later: pace("later", default.later),
        crashes: section
            .integer("crashes", 1..=100)
            .and_then(|crashes| usize::try_from(crashes).ok())
            .unwrap_or(default.crashes),
    };
    section.done();
    deadlines
}
