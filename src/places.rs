//! The connections that may be open at once at one door. Whoever has been idle the longest makes way for
//! whoever comes, so that silent strangers keep nobody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Instead of a time: something is being done for the client.
const BUSY: u64 = u64::MAX;

/// The places of a door.
#[derive(Debug)]
pub struct Places {
    most: usize,
    taken: Mutex<Taken>,
    given_back: Notify,
    began: Instant,
}

#[derive(Debug, Default)]
struct Taken {
    seats: HashMap<u64, Seat>,
    next: u64,
}

#[derive(Debug)]
struct Seat {
    client: Option<IpAddr>,
    /// Microseconds from [`Places::began`], or [`BUSY`].
    idle_since: Arc<AtomicU64>,
    leave: CancellationToken,
}

/// Why there is no place: everybody who could make way is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The client has as many as one client may have.
    OfOneClient,
    OfAll,
}

impl Places {
    /// So many places, all of them free.
    pub fn new(most: usize) -> Arc<Self> {
        let (taken, given_back) = (Mutex::default(), Notify::new());
        Arc::new(Self { most, taken, given_back, began: Instant::now() })
    }

    /// A place for a client, which may have `most_of_one`; nobody is a client too, that of a unix
    /// socket. Where there is none left, the connection that has been idle the longest is told by its
    /// `leave` to go.
    ///
    /// # Errors
    /// When all those are busy that could make way.
    pub fn take(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        most_of_one: usize,
        leave: CancellationToken,
    ) -> Result<Place, Full> {
        let mut taken = self.taken();
        let of_client = |seat: &Seat| seat.client == client;
        let has_most = taken.seats.len() >= most_of_one
            && taken.seats.values().filter(|seat| of_client(seat)).count() >= most_of_one;
        if has_most {
            taken.make_way(of_client).ok_or(Full::OfOneClient)?;
        } else if taken.seats.len() >= self.most {
            taken.make_way(|_| true).ok_or(Full::OfAll)?;
        }
        let idle_since = Arc::new(AtomicU64::new(self.now()));
        let seat = Seat { client, idle_since: Arc::clone(&idle_since), leave: leave.clone() };
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, seat);
        Ok(Place { places: Arc::clone(self), number, idle_since, leave })
    }

    /// The same, but waits where all are busy.
    ///
    /// # Errors
    /// When the client has as many as one client may have, and all of them are busy.
    pub async fn wait_for(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        most_of_one: usize,
    ) -> Result<Place, Full> {
        loop {
            let mut given_back = std::pin::pin!(self.given_back.notified());
            given_back.as_mut().enable();
            match self.take(client, most_of_one, CancellationToken::new()) {
                Err(Full::OfAll) => given_back.await,
                taken => return taken,
            }
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(BUSY - 1)
    }
}

impl Taken {
    /// Frees the place of whoever has been idle the longest.
    fn make_way(&mut self, may: impl Fn(&Seat) -> bool) -> Option<()> {
        let idle = self.seats.iter().filter(|(_, seat)| may(seat));
        let idle = idle.map(|(number, seat)| (seat.idle_since.load(Ordering::Relaxed), *number));
        let (_, longest) = idle.filter(|(since, _)| *since != BUSY).min()?;
        self.seats.remove(&longest)?.leave.cancel();
        Some(())
    }
}

/// A place of one connection, given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    number: u64,
    idle_since: Arc<AtomicU64>,
    leave: CancellationToken,
}

impl Place {
    /// What tells the connection to go.
    pub fn leave(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// From now on something is done for the client.
    pub fn busy(&self) {
        self.idle_since.store(BUSY, Ordering::Relaxed);
    }

    /// From now on the client is waited for.
    pub fn idle(&self) {
        self.idle_since.store(self.places.now(), Ordering::Relaxed);
        self.places.given_back.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().seats.remove(&self.number);
        self.places.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    fn take(places: &Arc<Places>, number: u8) -> Result<Place, Full> {
        places.take(Some(client(number)), 2, CancellationToken::new())
    }

    #[test]
    fn whoever_has_been_idle_the_longest_makes_way() {
        let places = Places::new(3);
        let [first, second, third] = [1, 2, 3].map(|number| take(&places, number).unwrap());
        first.busy();
        let _fourth = take(&places, 4).unwrap();
        let told = [&first, &second, &third].map(|place| place.leave().is_cancelled());
        assert_eq!(told, [false, true, false]);
    }

    #[test]
    fn whoever_is_busy_stays() {
        let places = Places::new(2);
        let all = [1, 2].map(|number| take(&places, number).unwrap());
        all.iter().for_each(Place::busy);
        assert_eq!(take(&places, 3).unwrap_err(), Full::OfAll);
        drop(all);
        take(&places, 3).unwrap();
    }

    #[test]
    fn a_client_that_has_its_share_makes_way_for_itself_alone() {
        let places = Places::new(10);
        let other = take(&places, 2).unwrap();
        let own = [1, 1].map(|number| take(&places, number).unwrap());
        let next = take(&places, 1).unwrap();
        let told = [&other, &own[0], &own[1]].map(|place| place.leave().is_cancelled());
        assert_eq!(told, [false, true, false]);
        [&own[1], &next].into_iter().for_each(Place::busy);
        assert_eq!(take(&places, 1).unwrap_err(), Full::OfOneClient);
        take(&places, 3).unwrap();
    }

    #[tokio::test]
    async fn who_waits_is_let_in_once_somebody_is_idle() {
        let places = Places::new(1);
        let busy = take(&places, 1).unwrap();
        busy.busy();
        let mut waiting = std::pin::pin!(places.wait_for(Some(client(2)), 2));
        assert!(futures_util::future::poll_immediate(&mut waiting).await.is_none());
        busy.idle();
        waiting.await.unwrap();
        assert!(busy.leave().is_cancelled());
    }
}
