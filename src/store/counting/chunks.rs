//! Many rows in few statements whose texts are few as well, so that connections keep them prepared.

/// Rows of one statement.
const LARGEST: usize = 64;

/// `rows` in chunks for a statement each.
pub(super) fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    rows.chunks(LARGEST)
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
}
