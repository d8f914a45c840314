// SPDX-License-Identifier: Apache-2.0

/** The bytes of a body, or null once there are more than `cap`: then the rest is not read, and its stream is destroyed. */
export async function capped(body: AsyncIterable<Buffer>, cap: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > cap) return null;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks);
}
