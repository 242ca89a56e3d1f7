//! What is made durable in one go: the jobs of one turn of the writer.

use tokio::sync::mpsc::Receiver;

use crate::limits::BATCH_EVENTS_MAX;

/// Waits for jobs, and takes those that wait. Where there were several in the turn before, more are about to come: what comes while
/// it lingers is of this turn. Tells whether there are any; there are none once nobody can ask any more.
pub(crate) async fn gather<T>(
    jobs: &mut Receiver<T>,
    batch: &mut Vec<T>,
    before: usize,
    linger: impl FnOnce(),
) -> bool {
    let count = jobs.recv_many(batch, BATCH_EVENTS_MAX).await;
    if before > 1 && (1..BATCH_EVENTS_MAX).contains(&count) {
        linger();
        while batch.len() < BATCH_EVENTS_MAX
            && let Ok(job) = jobs.try_recv()
        {
            batch.push(job);
        }
    }
    count > 0
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// What a turn has when so many wait, so many were in the turn before, and so many come while it lingers.
    async fn turn(waiting: usize, before: usize, coming: usize) -> usize {
        let (send, mut jobs) = mpsc::channel(2 * BATCH_EVENTS_MAX);
        let comes = |count| (0..count).for_each(|job| send.try_send(job).expect("there is room"));
        comes(waiting);
        let mut batch = Vec::new();
        assert!(gather(&mut jobs, &mut batch, before, || comes(coming)).await);
        batch.len()
    }

    #[tokio::test]
    async fn who_asks_alone_does_not_wait_and_several_are_waited_for() {
        assert_eq!(turn(1, 0, 3).await, 1);
        assert_eq!(turn(2, 1, 3).await, 2);
        assert_eq!(turn(1, 2, 3).await, 4);
        assert_eq!(turn(2, 9, 0).await, 2);
    }

    #[tokio::test]
    async fn a_turn_has_a_bound_and_nobody_is_waited_for_at_the_end() {
        assert_eq!(turn(BATCH_EVENTS_MAX + 5, 2, 5).await, BATCH_EVENTS_MAX);
        assert_eq!(turn(BATCH_EVENTS_MAX - 1, 2, 5).await, BATCH_EVENTS_MAX);
        let (send, mut jobs) = mpsc::channel::<()>(1);
        drop(send);
        assert!(!gather(&mut jobs, &mut Vec::new(), 2, || unreachable!("nobody comes")).await);
    }
}
