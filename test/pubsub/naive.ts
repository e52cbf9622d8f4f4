/** The grammar of patterns once more, in the plainest way: what the index is compared with. */

/** Whether a glob with stars matches a whole text, by trying what each star may take. */
export function globMatches(glob: string, text: string): boolean {
  // ends[i]: the part of the glob read so far can match the first i units of the text
  let ends = Array.from({ length: text.length + 1 }, (_, i) => i === 0);
  for (const unit of glob.split('')) {
    const next = ends.map(() => false);
    for (let i = 0; i <= text.length; i++) {
      if (unit === '*') next[i] = ends[i] === true || (i > 0 && next[i - 1] === true);
      else next[i] = i > 0 && ends[i - 1] === true && text[i - 1] === unit;
    }
    ends = next;
  }
  return ends[text.length] === true;
}

/** Whether a pattern matches a topic (synap-core.md 6.3-2 and 9-19). */
export function patternMatches(pattern: string, topic: string): boolean {
  const levels = topic.split('.');
  const wanted = pattern.split('.');
  if (topic.startsWith('__') && !pattern.startsWith('__')) return false;
  if (wanted[wanted.length - 1] === '#') {
    wanted.pop();
    if (levels.length < wanted.length) return false;
    levels.length = wanted.length;
  }
  return wanted.length === levels.length && wanted.every((level, i) => globMatches(level, levels[i] as string));
}

/** Whether a subscription matches a topic, exact ones included. */
export function subscriptionMatches(text: string, topic: string): boolean {
  return text.includes('*') || text.includes('#') ? patternMatches(text, topic) : text === topic;
}
