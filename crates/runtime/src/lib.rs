//! Work queue, per-key workers, backoff, rate buckets and leases, generic over the key.
