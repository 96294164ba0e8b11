package dev.magnet;

/**
 * One token of a template as infilling lays it out.
 *
 * @param token its id, or -1 for an unfilled place in a gap
 * @param position its position
 * @param role what it sees, and who sees it
 * @param part index of its part, or -1 for a begin-of-sequence token put in front
 */
public record Slot(int token, int position, Role role, int part) {}
