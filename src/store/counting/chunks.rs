//! Many rows in few statements whose texts are few as well.

/// The largest chunk: SQLite takes 32,766 values in a statement.
const LARGEST: usize = 256;

/// `rows` in chunks whose lengths are powers of two. A statement that is written for each length
/// then comes in nine texts at most, which connections keep prepared.
pub(in crate::store) fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let length = LARGEST.min(1 << rest.len().checked_ilog2()?);
        let (chunk, later) = rest.split_at(length);
        rest = later;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_and_lose_nothing() {
        for count in [0_usize, 1, 2, 3, 63, 64, 700] {
            let rows: Vec<usize> = (0..count).collect();
            let chunks: Vec<_> = chunks(&rows).collect();
            assert!(chunks.iter().all(|chunk| chunk.len().is_power_of_two()));
            assert_eq!(chunks.concat(), rows);
        }
    }
}
