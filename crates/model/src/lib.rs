//! The nouns of Bivouac: keys, desired and observed state, phases, conditions, money, durations.
