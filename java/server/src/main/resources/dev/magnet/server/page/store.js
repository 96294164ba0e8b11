// Keeps text and settings in this browser.

/** What was kept under a name, or null. */
export function load(name) {
  try {
    return localStorage.getItem("magnet." + name);
  } catch {
    return null;
  }
}

/** Keeps a value; returns whether that worked. */
export function save(name, value) {
  try {
    localStorage.setItem("magnet." + name, value);
    return true;
  } catch {
    return false;
  }
}
