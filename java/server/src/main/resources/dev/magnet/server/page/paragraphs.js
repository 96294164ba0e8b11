// A text's paragraphs, each with its place: {text, start, end}.

export function paragraphs(text) {
  return [...text.matchAll(/[^\n]*\S[^\n]*/g)].map((match) => ({
    text: match[0], start: match.index, end: match.index + match[0].length,
  }));
}
