//! Events as people name them and read them.

pub mod filter;
pub mod line;
pub mod missing;

pub use filter::Filter;
pub use line::Style;
pub use missing::Missing;
