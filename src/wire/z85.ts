const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const base = 85;
const values = new Map([...digits].map((digit, value) => [digit, value]));

/** The bytes that a text of Z85 (RFC 32) stands for, 4 for 5 characters; null for what is none. */
export function fromZ85(text: string): Buffer | null {
  if (text.length % 5 !== 0) return null;
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let at = 0; at < text.length; at += 5) {
    let word = 0;
    for (const digit of text.slice(at, at + 5)) {
      const value = values.get(digit);
      if (value === undefined) return null;
      word = word * base + value;
    }
    if (word > 0xffff_ffff) return null;
    bytes.writeUInt32BE(word, (at / 5) * 4);
  }
  return bytes;
}

/** Of bytes whose number is a multiple of 4. */
export function toZ85(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    let word = bytes.readUInt32BE(at);
    let five = '';
    for (let digit = 0; digit < 5; digit += 1) {
      five = digits.charAt(word % base) + five;
      word = Math.floor(word / base);
    }
    text += five;
  }
  return text;
}
