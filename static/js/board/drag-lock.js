// Holds back updates of the board while a card is being dragged, so that nothing moves under it.

let locks = 0;
const queue = [];

export const lockBoard = () => {
  locks++;
};

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
