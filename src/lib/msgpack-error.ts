/** A value that msgpack cannot carry, or bytes that are no msgpack document; `offset` counts bytes from 0, -1: none. */
export class MsgpackError extends Error {
  readonly offset: number;

  constructor(message: string, offset = -1) {
    super(offset < 0 ? message : `${message} (byte ${offset})`);
    this.name = 'MsgpackError';
    this.offset = offset;
  }
}
