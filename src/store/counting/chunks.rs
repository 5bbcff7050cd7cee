//! Many rows in few statements whose texts are few as well.

/// The largest chunk: SQLite takes 32,766 values in a statement.
const LARGEST: usize = 256;

/// `rows` in chunks whose lengths are powers of two. A statement that is written for each length
/// then comes in nine texts at most, which connections keep prepared.
pub(super) fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let length = LARGEST.min(1 << rest.len().checked_ilog2()?);
        let (chunk, later) = rest.split_at(length);
        rest = later;
        Some(chunk)
    })
}

/// `values` in lists whose lengths are powers of two, the last one filled up with its last value:
/// for `IN (…)`, where it does not matter how often a value stands there.
pub(super) fn filled<T: Clone>(values: &[T]) -> impl Iterator<Item = Vec<T>> {
    filled_with(values, T::clone)
}

/// The same, filled up with what `filler` makes of the last value.
pub(super) fn filled_with<T: Clone>(
    values: &[T],
    filler: impl Fn(&T) -> T,
) -> impl Iterator<Item = Vec<T>> {
    values.chunks(LARGEST).map(move |chunk| {
        let mut list = chunk.to_vec();
        let end = &chunk[chunk.len() - 1];
        list.resize_with(chunk.len().next_power_of_two(), || filler(end));
        list
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filled_up_to_a_power_of_two_with_what_they_hold() {
        assert_eq!(filled(&[1, 2, 3]).collect::<Vec<_>>(), [[1, 2, 3, 3]]);
        assert_eq!(filled::<u8>(&[]).count(), 0);
    }

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
