import type { Entry } from '../entry.ts';
import type { PeerAnswer } from './peer-transport.ts';

/** This node's own state of a key: its position in the partition, read before the look-up. */
export interface LocalState {
  readonly position: number;
  readonly entry: Entry | undefined;
}

export interface RankedAnswer {
  readonly trust: 'peer' | 'behind';
  readonly entry: Entry | undefined;
  /** 2: the entry is a peer's, and not the one that we have. */
  readonly source: 1 | 2;
  /** A fresh peer answered: what it does not have does not exist. */
  readonly freshPeer: boolean;
}

export interface AnswersToRank {
  readonly local: LocalState;
  readonly answers: readonly PeerAnswer[];
  /** Of our log. Answers of other logs are passed over, and without a log of our own all are. */
  readonly logId: string | undefined;
  /** Whether nodes of the original's kind, which name no log, are heard. */
  readonly hearsJava: boolean;
}

/**
 * Which state of a key is the newest. Answers of one log are ordered by it: an entry stands at its
 * offset, an absence says that nothing is left of what lies before its position. Markers and
 * unreadable entries are answers like others; so is our own state, which wins a tie. What the
 * original's nodes have is told by its timestamp alone: it may stand in where no fresh peer answered.
 */
export function rankAnswers({ local, answers, logId, hearsJava }: AnswersToRank): RankedAnswer {
  const ours = answers.filter((answer) => isOf(answer, logId));
  const freshPeer = ours.some(({ final }) => final);
  let best = local;
  for (const answer of ours) if (standing(answer) > standing(best)) best = answer;
  if (hearsJava && !freshPeer && logId !== undefined) {
    for (const { log, entry } of answers) {
      if (log !== undefined || entry === undefined) continue;
      if (best.entry === undefined || entry.timestamp > best.entry.timestamp) {
        best = { position: best.position, entry };
      }
    }
  }
  const changed = !sameEntry(best.entry, local.entry);
  return {
    trust: freshPeer || changed ? 'peer' : 'behind',
    entry: changed ? best.entry : local.entry,
    source: changed && best.entry !== undefined ? 2 : 1,
    freshPeer,
  };
}

export type LoggedAnswer = PeerAnswer & { readonly log: string; readonly position: number };

/** Whether an answer speaks of the log with this id. */
export function isOf(answer: PeerAnswer, logId: string | undefined): answer is LoggedAnswer {
  return logId !== undefined && answer.log === logId && answer.position !== undefined;
}

/** An absence at position p beats the entry at p − 1, and the entry at p beats it. */
function standing({ position, entry }: LocalState): number {
  return entry === undefined ? position - 0.5 : entry.offset;
}

function sameEntry(one: Entry | undefined, other: Entry | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one === other) return true;
  return (
    one.kind === other.kind &&
    one.offset === other.offset &&
    one.timestamp === other.timestamp &&
    one.value.equals(other.value)
  );
}
