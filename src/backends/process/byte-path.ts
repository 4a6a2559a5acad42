/**
 * Paths as the file system has them: bytes, here one character each (latin1), so that names in any encoding can be cut,
 * joined, compared and found again.
 */
export function bytesBelow(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/** As calls of the file system take it: text wherever it is text, so that messages can be read. */
export function onDisk(bytes: string): string | Buffer {
  const buffer = Buffer.from(bytes, 'latin1');
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? text : buffer;
}
