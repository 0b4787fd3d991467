//! Every decision of Bivouac, as one pure function.
