/** Sets an entry of a map, as the newest of at most so many. */
export function remember<K, V>(
  map: Map<K, V>,
  key: K,
  value: V,
  most: number,
): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const [oldest] = map.keys();
  map.delete(oldest);
}
