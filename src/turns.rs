//! Turns at hashing passwords, each of which takes 19 MiB and a core for a while: one at a time, so that a
//! burst of sign-ins cannot take the memory or the processors from the mail servers that ask.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Who may wait at once, of each kind: a turn takes some 30 ms, so that the last waits for seconds.
const PLACES: usize = 50;

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Somebody whom a session, a one-time link or a browser used before stands for.
    Known,
    Stranger,
}

/// As many wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The turns.
#[derive(Debug)]
pub struct Turns {
    hash: Arc<Semaphore>,
    /// Strangers wait for each other here first, so that at most one of them is before who is known.
    strangers: Arc<Semaphore>,
    places_of_known: Arc<Semaphore>,
    places_of_strangers: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        let [hash, strangers] = [1, 1].map(|turns| Arc::new(Semaphore::new(turns)));
        let [places_of_known, places_of_strangers] =
            [PLACES, PLACES].map(|places| Arc::new(Semaphore::new(places)));
        Self { hash, strangers, places_of_known, places_of_strangers }
    }
}

impl Turns {
    /// A place to wait in.
    pub fn queue(&self, who: Who) -> Result<Place, Full> {
        let places = match who {
            Who::Known => &self.places_of_known,
            Who::Stranger => &self.places_of_strangers,
        };
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| Full)?;
        let strangers = (who == Who::Stranger).then(|| Arc::clone(&self.strangers));
        Ok(Place { hash: Arc::clone(&self.hash), strangers, taken: place })
    }
}

/// A place among those who wait, given back when dropped.
#[derive(Debug)]
pub struct Place {
    hash: Arc<Semaphore>,
    strangers: Option<Arc<Semaphore>>,
    taken: OwnedSemaphorePermit,
}

impl Place {
    /// Waits for the turn, and does the work off the threads that answer.
    ///
    /// # Panics
    /// Where the work panics.
    pub async fn hash<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let among_strangers = match self.strangers {
            Some(strangers) => Some(turn(strangers).await),
            None => None,
        };
        let turns = (turn(self.hash).await, among_strangers, self.taken);
        // The work goes on when nobody waits for it any more, and so keeps its turn until it ends.
        let work = move || {
            let _turns = turns;
            work()
        };
        tokio::task::spawn_blocking(work).await.expect("hashing does not panic")
    }
}

async fn turn(turns: Arc<Semaphore>) -> OwnedSemaphorePermit {
    turns.acquire_owned().await.expect("the semaphore is never closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::poll_immediate;
    use std::pin::pin;
    use tokio::sync::oneshot;

    /// Somebody whose work lasts until it is told to end.
    async fn at_work(
        turns: &Turns,
        who: Who,
    ) -> (std::sync::mpsc::Sender<()>, oneshot::Receiver<()>) {
        let (end, wait_for_end) = std::sync::mpsc::channel();
        let (begun, wait_for_begin) = oneshot::channel();
        let (ended, wait_until_ended) = oneshot::channel();
        let place = turns.queue(who).unwrap();
        tokio::spawn(async move {
            let work = move || {
                begun.send(()).unwrap();
                wait_for_end.recv().unwrap();
            };
            place.hash(work).await;
            let _ = ended.send(());
        });
        wait_for_begin.await.unwrap();
        (end, wait_until_ended)
    }

    #[tokio::test]
    async fn who_is_known_goes_before_all_strangers_but_one() {
        let turns = Turns::default();
        let (end, _) = at_work(&turns, Who::Stranger).await;
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let wait = |name: &'static str, who| {
            let (place, order) = (turns.queue(who).unwrap(), Arc::clone(&order));
            Box::pin(place.hash(move || order.lock().unwrap().push(name)))
        };
        let mut waiting = [
            wait("first stranger", Who::Stranger),
            wait("second stranger", Who::Stranger),
            wait("owner", Who::Known),
        ];
        for one in &mut waiting {
            assert!(poll_immediate(one).await.is_none());
        }
        end.send(()).unwrap();
        futures_util::future::join_all(waiting).await;
        assert_eq!(*order.lock().unwrap(), ["owner", "first stranger", "second stranger"]);
    }

    #[tokio::test]
    async fn strangers_who_find_no_place_do_not_keep_out_who_is_known() {
        let turns = Turns::default();
        let waiting: Vec<_> = (0..PLACES).map(|_| turns.queue(Who::Stranger).unwrap()).collect();
        assert_eq!(turns.queue(Who::Stranger).unwrap_err(), Full);
        assert!(turns.queue(Who::Known).is_ok());
        drop(waiting);
        assert!(turns.queue(Who::Stranger).is_ok());
    }

    #[tokio::test]
    async fn who_hangs_up_while_a_password_is_hashed_does_not_let_a_second_hash_begin() {
        let turns = Turns::default();
        let (begun, wait_for_begin) = oneshot::channel();
        let (end, wait_for_end) = std::sync::mpsc::channel::<()>();
        let place = turns.queue(Who::Known).unwrap();
        let request = tokio::spawn(place.hash(move || {
            begun.send(()).unwrap();
            wait_for_end.recv().unwrap();
        }));
        wait_for_begin.await.unwrap();
        request.abort();
        request.await.unwrap_err();
        let mut next = pin!(turns.queue(Who::Known).unwrap().hash(|| ()));
        assert!(poll_immediate(&mut next).await.is_none());
        end.send(()).unwrap();
        next.await;
    }
}
