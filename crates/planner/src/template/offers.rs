//! The sizes of tasks that Fargate offers.

use crate::project::Size;

/// A row of "Fargate task CPU and memory" (Amazon ECS developer guide, "Task definition parameters for Fargate").
struct Offer {
    /// CPU units; 1024 are a vCPU.
    cpu: u32,
    /// In MiB.
    least: u32,
    /// In MiB.
    most: u32,
    /// In MiB.
    step: u32,
}

const GB: u32 = 1024;

/// The sizes on offer. A quarter of a vCPU has 512 MiB besides its 1 and 2 GB, a step of its own.
const OFFERS: [Offer; 8] = [
    Offer { cpu: 256, least: 512, most: 512, step: GB },
    Offer { cpu: 256, least: GB, most: 2 * GB, step: GB },
    Offer { cpu: 512, least: GB, most: 4 * GB, step: GB },
    Offer { cpu: 1024, least: 2 * GB, most: 8 * GB, step: GB },
    Offer { cpu: 2048, least: 4 * GB, most: 16 * GB, step: GB },
    Offer { cpu: 4096, least: 8 * GB, most: 30 * GB, step: GB },
    Offer { cpu: 8192, least: 16 * GB, most: 60 * GB, step: 4 * GB },
    Offer { cpu: 16384, least: 32 * GB, most: 120 * GB, step: 8 * GB },
];

/// Checks that Fargate runs tasks of a size.
///
/// # Errors
/// A sentence with the sizes that are allowed.
pub fn offered(size: Size) -> Result<(), String> {
    let fits = |offer: &Offer| {
        (offer.least..=offer.most).contains(&size.memory) && (size.memory - offer.least).is_multiple_of(offer.step)
    };
    let offers: Vec<&Offer> = OFFERS.iter().filter(|offer| offer.cpu == size.cpu).collect();
    if offers.iter().any(|offer| fits(offer)) {
        return Ok(());
    }
    let vcpu = |units: u32| f64::from(units) / 1024.0;
    let gb = |mib: u32| f64::from(mib) / f64::from(GB);
    if offers.is_empty() {
        let all = OFFERS[1..].iter().map(|offer| vcpu(offer.cpu).to_string()).collect::<Vec<_>>().join(", ");
        return Err(format!("Fargate has no tasks of {} vCPU; allowed: {all}", vcpu(size.cpu)));
    }
    let allowed = offers.iter().map(|offer| match (offer.least == offer.most, offer.step) {
        (true, _) => format!("{}", gb(offer.least)),
        (false, step) => format!("{} to {} in steps of {}", gb(offer.least), gb(offer.most), gb(step)),
    });
    Err(format!(
        "Fargate has no tasks of {} vCPU with {} GB; allowed with it: {} GB",
        vcpu(size.cpu),
        gb(size.memory),
        allowed.collect::<Vec<_>>().join(", or ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fargate_offers_is_allowed_and_nothing_else() {
        for (cpu, memory) in [(256, 512), (256, 2048), (512, 4096), (4096, 30720), (8192, 20480), (16384, 122_880)] {
            assert_eq!(offered(Size { cpu, memory }), Ok(()), "{cpu} {memory}");
        }
        for (cpu, memory) in [(256, 1536), (256, 4096), (512, 512), (300, 1024), (8192, 17408), (16384, 36864)] {
            assert!(offered(Size { cpu, memory }).is_err(), "{cpu} {memory}");
        }
        assert_eq!(
            offered(Size { cpu: 256, memory: 1536 }).unwrap_err(),
            "Fargate has no tasks of 0.25 vCPU with 1.5 GB; allowed with it: 0.5, or 1 to 2 in steps of 1 GB"
        );
    }
}
