//! Order statistics of a handful of samples.

/// Sorted samples.
pub struct Samples(Vec<f64>);

impl Samples {
    /// Sorts.
    ///
    /// # Panics
    /// Panics without samples.
    pub fn new(mut samples: Vec<f64>) -> Self {
        assert!(!samples.is_empty(), "nothing was measured");
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    /// The smallest sample that is not below the given share of them.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn worst(&self) -> f64 {
        self.quantile(1.0)
    }
}
