//! What a plan frees.

use std::fmt;

use bivouac_model::{ListedImage, ManifestKind, Usd};

use super::plan::ImagePlan;
use crate::prices::Prices;

/// What goes, and what it frees at most: layers are shared, and one that something else needs stays, so less may be freed
/// than the sizes add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// How many manifests.
    pub images: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Freed {
    /// What the condemned ones of a plan come to.
    pub fn by(plan: &ImagePlan, inventory: &[ListedImage]) -> Self {
        let condemned = plan.verdicts.iter().zip(inventory).filter(|(verdict, _)| verdict.is_condemned());
        condemned.fold(Self::default(), |freed, (_, image)| freed.and(image))
    }

    /// With one more.
    #[must_use]
    pub fn and(self, image: &ListedImage) -> Self {
        // ECR gives a list the size of its largest member, which is counted as itself (`imageSizeInBytes`).
        let bytes = if image.kind == ManifestKind::Index { 0 } else { image.bytes };
        Self { images: self.images + 1, bytes: self.bytes.saturating_add(bytes) }
    }

    /// What they cost a month.
    pub fn monthly(&self, prices: &Prices) -> Usd {
        prices.registry_month(self.bytes)
    }
}

impl fmt::Display for Freed {
    /// `12 images, 1.5 GB at most`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
        let plural = if self.images == 1 { "" } else { "s" };
        write!(f, "{} image{plural}, ", self.images)?;
        match UNITS.iter().find(|(_, size)| self.bytes >= *size) {
            // Shown with one digit, so the rounding of a double does not show.
            #[allow(clippy::cast_precision_loss)]
            Some((unit, size)) => write!(f, "{:.1} {unit} at most", self.bytes as f64 / *size as f64),
            None => write!(f, "{} B at most", self.bytes),
        }
    }
}
