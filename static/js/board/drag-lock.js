// Holds back updates of the board while a card is being dragged, so that nothing moves under it.

let locks = 0;
const queue = [];

/** Called when a drag starts. */
export const lockBoard = () => {
  locks++;
};

/** Called when a drag ends: runs what was held back. */
export const unlockBoard = () => {
  if (--locks === 0) queue.splice(0).forEach((run) => run());
};

/**
 * Runs `run` now, or as soon as no card is being dragged.
 * @param {() => void} run
 */
export const whenUnlocked = (run) => {
  if (locks) queue.push(run);
  else run();
};
