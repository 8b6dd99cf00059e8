/**
 * What equality means to `assertEquals`. It is not that of `node:assert`: here
 * 0 equals -0, and an object without prototype equals one with.
 *
 * @module
 */

type Keyed = Record<PropertyKey, unknown>;

// Their text says all there is to compare.
const COMPARED_AS_TEXT: ReadonlySet<unknown> = new Set([
  Intl.Locale.prototype,
  RegExp.prototype,
  URL.prototype,
  URLSearchParams.prototype,
  ...Object.values(Temporal).map((part) => (part as Keyed).prototype)
    .filter((prototype) => prototype !== undefined),
]);

/**
 * Compares two values deeply.
 *
 * @param a One value.
 * @param b The other value.
 * @returns Whether they are equal.
 */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** `seen` maps objects being compared to their partner, for cycles. */
function compare(
  a: unknown,
  b: unknown,
  seen: Map<object, object>,
): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (a instanceof Date && b instanceof Date) {
    return Object.is(a.getTime(), b.getTime());
  }
  if (prototypeOf(a) !== prototypeOf(b)) return false;
  const bytes = [elements(a), elements(b)];
  if (bytes[0] && bytes[1]) return sameElements(bytes[0], bytes[1]);
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError("What a weak collection holds can't be compared.");
  }
  if (a instanceof WeakRef && b instanceof WeakRef) {
    return compare(a.deref(), b.deref(), seen);
  }
  if (seen.get(a) === b) return true;
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  seen.set(a, b);
  if (a instanceof Set || a instanceof Map) {
    return sameEntries([...a.entries()], [...(b as typeof a).entries()], seen);
  }
  if (COMPARED_AS_TEXT.has(prototypeOf(a))) return String(a) === String(b);
  return [...keysOf(a), ...keysOf(b)].every((key) =>
    key in a && key in b && compare(a[key], b[key], seen)
  );
}

function isObject(value: unknown): value is Keyed {
  return typeof value === "object" && value !== null;
}

/** The prototype; that of `{}` stands for none. */
function prototypeOf(value: object): unknown {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

/** What a typed array or a buffer holds. */
function elements(value: object): ArrayLike<unknown> | undefined {
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
    ? value as Uint8Array
    : undefined;
}

function sameElements(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !Object.is(a[i], b[i])) return false;
  }
  return true;
}

/** Each entry has its equal on the other side; the order doesn't matter. */
function sameEntries(
  a: [unknown, unknown][],
  b: [unknown, unknown][],
  seen: Map<object, object>,
): boolean {
  return a.length === b.length &&
    a.every(([key, value]) =>
      b.some(([otherKey, otherValue]) =>
        compare(key, otherKey, seen) && compare(value, otherValue, seen)
      )
    );
}

/** An object's own enumerable keys; of a class's instance, all it has. */
function keysOf(value: object): Set<PropertyKey> {
  const prototype = prototypeOf(value);
  if (prototype === Object.prototype || prototype === Array.prototype) {
    return new Set(
      Reflect.ownKeys(value).filter((key) =>
        Object.prototype.propertyIsEnumerable.call(value, key)
      ),
    );
  }
  const keys = new Set<PropertyKey>();
  for (
    let holder = value;
    holder && holder !== Object.prototype && holder !== Array.prototype;
    holder = Object.getPrototypeOf(holder)
  ) {
    for (const key of Reflect.ownKeys(holder)) keys.add(key);
  }
  return keys;
}
