//! Observe, plan, apply, record; and the passes over the whole cluster.
