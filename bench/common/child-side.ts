/** In a child of the bench: answers each question of its parent, and ends with it. */
export function answerParent<Question, Answer>(
  answer: (question: Question) => Promise<Answer> | Answer,
): void {
  process.on('message', (question) => {
    void Promise.resolve(answer(question as Question)).then((told) => process.send?.(told ?? null));
  });
  process.on('disconnect', () => process.exit());
}
