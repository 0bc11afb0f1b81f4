/** A priority queue from which any item can also be removed; each operation takes O(log n). */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #items: T[] = [];
  readonly #positions = new Map<T, number>();

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#place(item, this.#items.length);
    this.#rise(item, this.#items.length - 1);
  }

  /** Removes the first item and returns it. */
  shift(): T | undefined {
    const item = this.#items[0];
    if (item !== undefined) this.delete(item);
    return item;
  }

  /** Does nothing when the item is not in the heap. */
  delete(item: T): void {
    const position = this.#positions.get(item);
    if (position === undefined) return;
    this.#positions.delete(item);
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#place(last, position);
    this.#rise(last, position);
    this.#sink(last, this.#positions.get(last) ?? position);
  }

  #place(item: T, position: number): void {
    this.#items[position] = item;
    this.#positions.set(item, position);
  }

  #rise(item: T, from: number): void {
    let position = from;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = this.#items[parentPosition];
      if (parent === undefined || !this.#before(item, parent)) break;
      this.#place(parent, position);
      position = parentPosition;
    }
    this.#place(item, position);
  }

  #sink(item: T, from: number): void {
    let position = from;
    for (;;) {
      const left = 2 * position + 1;
      const leftChild = this.#items[left];
      if (leftChild === undefined) break;
      const rightChild = this.#items[left + 1];
      const right = rightChild !== undefined && this.#before(rightChild, leftChild);
      const child = right ? rightChild : leftChild;
      if (!this.#before(child, item)) break;
      this.#place(child, position);
      position = right ? left + 1 : left;
    }
    this.#place(item, position);
  }
}
