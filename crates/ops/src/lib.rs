//! What operations see: health, readiness and metrics.
