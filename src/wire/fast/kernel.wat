;; The inner loops of the fast transcoder: lists of token ids and of block hashes, msgpack in, JSON out, one comma behind
;; each element. kernel.ts is its other side; `npm run kernel` compiles it into kernel-code.ts.
;;
;; Memory: results 0..19 | tables 0x400..0x47cf | input 0x5000..0x14fff | 16 bytes to read past it | output 0x16000..0x3ffff
;;
;; Nothing is decided by a byte behind the input: a value counts once its last byte is known to be within. Wider loads may
;; touch what lies behind it, which is memory of ours all the same. Nothing is written beyond the output: each step first
;; sees to room for the most it can write, the bytes that a wide store leaves behind its digits included. Everything
;; that runs for each usual element makes as few calls as can be: nothing is inlined here.
  (memory (export "memory") 5 5)

  ;; Behind what $integer, $bytes, $tokens or $hashes took.
  (global $next (mut i32) (i32.const 0))
  ;; Behind what $tokens or $hashes wrote.
  (global $written (mut i32) (i32.const 0))

  ;; Elements written of at most `count`, from `length` bytes of input. Stops early before what is no integer, what is not
  ;; whole, or where the output may not hold one more.
  (func $tokens (param $at i32) (param $end i32) (param $out i32) (param $count i32) (result i32)
    (local $left i32)
    (local $few i32) (local $eight i64) (local $byte i32) (local $wide i32) (local $next i32)
    (local $value i32) (local $thousands i32) (local $word i32)
    (local.set $left (local.get $count))
    (block $stop
      (loop $again
        (br_if $stop (i32.eqz (local.get $left)))
        (block $other
          ;; So many can neither leave the input (5 bytes each) nor the output (7, of a store that ends 3 further).
          (local.set $few (i32.div_u (i32.sub (local.get $end) (local.get $at)) (i32.const 5)))
          (local.set $word (i32.div_u (i32.sub (i32.const 0x3fff0) (local.get $out)) (i32.const 7)))
          (if (i32.gt_u (local.get $few) (local.get $word)) (then (local.set $few (local.get $word))))
          (if (i32.gt_u (local.get $few) (local.get $left)) (then (local.set $few (local.get $left))))
          (br_if $other (i32.eqz (local.get $few)))
          (local.set $left (i32.sub (local.get $left) (local.get $few)))
          (local.set $byte (i32.load8_u (local.get $at)))
          (loop $usual
            (local.set $eight (i64.load (local.get $at)))
            (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 0xcd)) (i32.const 2))
              (then
                ;; uint16 and uint32 without a branch: which of them comes cannot be foretold. The first byte of the next
                ;; element is in this word too; to load it would be to wait for where it is.
                (local.set $wide (i32.and (local.get $byte) (i32.const 2)))
                (local.set $word (i32.wrap_i64 (i64.shr_u (local.get $eight) (i64.const 8))))
                (local.set $byte (i32.shl (local.get $wide) (i32.const 3)))
                (local.set $value
                  (i32.shr_u
                    (i32.or
                      (i32.rotl (i32.and (local.get $word) (i32.const 0x00ff00ff)) (i32.const 24))
                      (i32.rotl (i32.and (local.get $word) (i32.const 0xff00ff00)) (i32.const 8)))
                    (i32.sub (i32.const 16) (local.get $byte))))
                (local.set $next (i32.add (i32.add (local.get $at) (i32.const 3)) (local.get $wide)))
                (local.set $byte
                  (i32.wrap_i64
                    (i64.and
                      (i64.shr_u (local.get $eight) (i64.extend_i32_u (i32.add (local.get $byte) (i32.const 24))))
                      (i64.const 0xff)))))
              (else
                (local.set $word (i32.wrap_i64 (local.get $eight)))
                (if (i32.lt_u (local.get $byte) (i32.const 0x80))
                  (then
                    (local.set $value (local.get $byte))
                    (local.set $next (i32.add (local.get $at) (i32.const 1)))
                    (local.set $byte (i32.and (i32.shr_u (local.get $word) (i32.const 8)) (i32.const 0xff))))
                  (else
                    (local.set $value
                      (select
                        (i32.and (i32.shr_u (local.get $word) (i32.const 8)) (i32.const 0xff))
                        (i32.const -1)
                        (i32.eq (local.get $byte) (i32.const 0xcc))))
                    (local.set $next (i32.add (local.get $at) (i32.const 2)))
                    (local.set $byte (i32.and (i32.shr_u (local.get $word) (i32.const 16)) (i32.const 0xff)))))))
            (if (i32.ge_u (local.get $value) (i32.const 1000000))
              (then
                (local.set $left (i32.add (local.get $left) (local.get $few)))
                (br $other)))
            (local.set $at (local.get $next))
            ;; First the thousands, none of them for 0; then three digits and a comma, or fewer for a number below 1000.
            (local.set $thousands
              (i32.wrap_i64
                (i64.shr_u
                  (i64.mul (i64.extend_i32_u (local.get $value)) (i64.const 274877907))
                  (i64.const 38))))
            (local.set $value
              (i32.add
                (i32.sub (local.get $value) (i32.mul (local.get $thousands) (i32.const 1000)))
                (select (i32.const 0) (i32.const 1000) (local.get $thousands))))
            (local.set $word (i32.load offset=0x400 (i32.shl (local.get $thousands) (i32.const 2))))
            (i32.store (local.get $out) (local.get $word))
            (local.set $out (i32.add (local.get $out) (i32.shr_u (local.get $word) (i32.const 24))))
            (i32.store (local.get $out) (i32.load offset=0x1400 (i32.shl (local.get $value) (i32.const 2))))
            (local.set $out (i32.add (local.get $out) (i32.load8_u offset=0x4000 (local.get $value))))
            (br_if $usual (local.tee $few (i32.sub (local.get $few) (i32.const 1)))))
          (br $again))
        ;; One that is large, of another width, or among the last.
        (br_if $stop (i32.gt_u (local.get $out) (i32.const 0x3ff00)))
        (local.set $value (call $integer (local.get $at) (local.get $end) (local.get $out) (i32.const 0)))
        (br_if $stop (i32.eqz (local.get $value)))
        (local.set $out (local.get $value))
        (local.set $at (global.get $next))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $again)))
    (global.set $next (local.get $at))
    (global.set $written (local.get $out))
    (i32.sub (local.get $count) (local.get $left)))

  ;; The same for hashes: integers as text, byte strings of up to 255 bytes as 0x and hex.
  (func $hashes (param $at i32) (param $end i32) (param $out i32) (param $count i32) (result i32)
    (local $left i32) (local $to i32) (local $value i64)
    (local.set $left (local.get $count))
    (block $stop
      (loop $again
        (br_if $stop (i32.eqz (local.get $left)))
        ;; The longest byte string takes 516.
        (br_if $stop (i32.gt_u (local.get $out) (i32.const 0x3fd00)))
        (block $written
          (block $other
            ;; Nearly all are uint64 of 17 to 20 digits.
            (br_if $other (i32.gt_u (i32.add (local.get $at) (i32.const 9)) (local.get $end)))
            (br_if $other (i32.ne (i32.load8_u (local.get $at)) (i32.const 0xcf)))
            (local.set $value (i64x2.extract_lane 0
            (i8x16.shuffle 7 6 5 4 3 2 1 0 7 6 5 4 3 2 1 0
              (v128.load64_splat offset=1 (local.get $at))
              (v128.const i64x2 0 0))))
            (br_if $other (i64.lt_u (local.get $value) (i64.const 10000000000000000)))
            (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
            (local.set $at (i32.add (local.get $at) (i32.const 9)))
            (i32.store8 (local.get $out) (i32.const 0x22))
            (local.set $out (call $long (i32.add (local.get $out) (i32.const 1)) (local.get $value)))
            (i32.store16 (local.get $out) (i32.const 0x2c22))
            (local.set $out (i32.add (local.get $out) (i32.const 2)))
            (br $written))
          (local.set $to (call $integer (local.get $at) (local.get $end) (local.get $out) (i32.const 1)))
          (if (i32.eqz (local.get $to))
            (then (local.set $to (call $bytes (local.get $at) (local.get $end) (local.get $out)))))
          (br_if $stop (i32.eqz (local.get $to)))
          (local.set $out (local.get $to))
          (local.set $at (global.get $next)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $again)))
    (global.set $next (local.get $at))
    (global.set $written (local.get $out))
    (i32.sub (local.get $count) (local.get $left)))

  (func (export "tokens") (param $length i32) (param $count i32) (result i32)
    (call $begin)
    (call $end
      (call $tokens
        (i32.const 0x5000) (i32.add (i32.const 0x5000) (local.get $length)) (i32.const 0x16000) (local.get $count))))

  (func (export "hashes") (param $length i32) (param $count i32) (result i32)
    (call $begin)
    (call $end
      (call $hashes
        (i32.const 0x5000) (i32.add (i32.const 0x5000) (local.get $length)) (i32.const 0x16000) (local.get $count))))

  (func $begin
    (i64.store (i32.const 8) (i64.const 0))
    (i32.store (i32.const 16) (i32.const 0)))

  (func $end (param $done i32) (result i32)
    (i32.store (i32.const 0) (i32.sub (global.get $next) (i32.const 0x5000)))
    (i32.store (i32.const 4) (i32.sub (global.get $written) (i32.const 0x16000)))
    (local.get $done))

  ;; An integer of any width and a comma; the output behind them, or 0 where none comes that is whole. In quotes where asked
  ;; for and where a JSON number could be rounded. Takes 24 bytes at most, of a store that ends 7 further.
  (func $integer (param $at i32) (param $end i32) (param $out i32) (param $quoted i32) (result i32)
    (local $byte i32) (local $next i32) (local $shift i64) (local $value i64) (local $negative i32)
    (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (i32.const 0))))
    (local.set $byte (i32.load8_u (local.get $at)))
    (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 0xcc)) (i32.const 8))
      (then
        (local.set $next (i32.shl (i32.const 1) (i32.and (local.get $byte) (i32.const 3))))
        (local.set $shift (i64.extend_i32_u (i32.sub (i32.const 64) (i32.shl (local.get $next) (i32.const 3)))))
        (local.set $next (i32.add (i32.add (local.get $at) (local.get $next)) (i32.const 1)))
        (if (i32.gt_u (local.get $next) (local.get $end)) (then (return (i32.const 0))))
        ;; The bytes in the order of the machine, what comes first on top.
        (local.set $value
          (i64x2.extract_lane 0
            (i8x16.shuffle 7 6 5 4 3 2 1 0 7 6 5 4 3 2 1 0
              (v128.load64_splat offset=1 (local.get $at))
              (v128.const i64x2 0 0))))
        (if (i32.lt_u (local.get $byte) (i32.const 0xd0))
          (then (local.set $value (i64.shr_u (local.get $value) (local.get $shift))))
          (else
            (local.set $value (i64.shr_s (local.get $value) (local.get $shift)))
            (if (i64.lt_s (local.get $value) (i64.const 0))
              (then
                (local.set $negative (i32.const 1))
                (local.set $value (i64.sub (i64.const 0) (local.get $value))))))))
      (else
        (local.set $next (i32.add (local.get $at) (i32.const 1)))
        (local.set $value (i64.extend_i32_u (local.get $byte)))
        (if (i32.ge_u (local.get $byte) (i32.const 0x80))
          (then
            (if (i32.lt_u (local.get $byte) (i32.const 0xe0)) (then (return (i32.const 0))))
            (local.set $negative (i32.const 1))
            (local.set $value (i64.sub (i64.const 0x100) (local.get $value)))))))
    (if (i64.ge_u (local.get $value) (i64.const 0x20000000000000))
      (then
        (local.set $quoted (i32.const 1))
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))))
    (i32.store8 (local.get $out) (i32.const 0x22))
    (local.set $out (i32.add (local.get $out) (local.get $quoted)))
    (i32.store8 (local.get $out) (i32.const 0x2d))
    (local.set $out (call $digits (i32.add (local.get $out) (local.get $negative)) (local.get $value)))
    (i32.store8 (local.get $out) (i32.const 0x22))
    (local.set $out (i32.add (local.get $out) (local.get $quoted)))
    (i32.store8 (local.get $out) (i32.const 0x2c))
    (global.set $next (local.get $next))
    (i32.add (local.get $out) (i32.const 1)))

  ;; In decimal.
  (func $digits (param $out i32) (param $value i64) (result i32)
    (local $upper i64)
    (if (i64.ge_u (local.get $value) (i64.const 10000000000000000))
      (then (return (call $long (local.get $out) (local.get $value)))))
    (if (i64.lt_u (local.get $value) (i64.const 100000000))
      (then (return (call $short (local.get $out) (local.get $value)))))
    (local.set $upper (i64.div_u (local.get $value) (i64.const 100000000)))
    (local.set $out (call $short (local.get $out) (local.get $upper)))
    (i64.store (local.get $out)
      (call $eight (i64.sub (local.get $value) (i64.mul (local.get $upper) (i64.const 100000000)))))
    (i32.add (local.get $out) (i32.const 8)))

  ;; 17 to 20 digits: up to four, and sixteen.
  (func $long (param $out i32) (param $value i64) (result i32)
    (local $upper i64) (local $word i32) (local $tens i32) (local $digits v128) (local $quotients v128)
    ;; Dividing by 10^16 is dividing by 5^16 what is left without 16 bits. These 48 bits and the quotient of 11 bits are so
    ;; far within a double that the error is smaller than the distance to the next multiple; the factor is rounded up.
    (local.set $upper
      (i64.trunc_sat_f64_s
        (f64.mul
          (f64.convert_i64_s (i64.shr_u (local.get $value) (i64.const 16)))
          (f64.const 0x1.cd2b297d889bdp-38))))
    (local.set $value (i64.sub (local.get $value) (i64.mul (local.get $upper) (i64.const 10000000000000000))))
    ;; As in $eight, four digits in one word; what is zero in front is shifted out.
    (local.set $word (i32.wrap_i64 (local.get $upper)))
    (local.set $tens (i32.shr_u (i32.mul (local.get $word) (i32.const 5243)) (i32.const 19)))
    (local.set $word
      (i32.or
        (local.get $tens)
        (i32.shl (i32.sub (local.get $word) (i32.mul (local.get $tens) (i32.const 100))) (i32.const 16))))
    (local.set $tens
      (i32.and (i32.shr_u (i32.mul (local.get $word) (i32.const 103)) (i32.const 10)) (i32.const 0x000f000f)))
    (local.set $word
      (i32.or
        (local.get $tens)
        (i32.shl (i32.sub (local.get $word) (i32.mul (local.get $tens) (i32.const 10))) (i32.const 8))))
    (local.set $tens (i32.and (i32.ctz (local.get $word)) (i32.const 24)))
    (i32.store (local.get $out) (i32.shr_u (i32.or (local.get $word) (i32.const 0x30303030)) (local.get $tens)))
    (local.set $out (i32.sub (i32.add (local.get $out) (i32.const 4)) (i32.shr_u (local.get $tens) (i32.const 3))))
    ;; And by 10^8, in the same way.
    (local.set $upper
      (i64.trunc_sat_f64_s
        (f64.mul
          (f64.convert_i64_s (i64.shr_u (local.get $value) (i64.const 8)))
          (f64.const 0x1.5798ee2308c3ap-19))))
    (local.set $value (i64.sub (local.get $value) (i64.mul (local.get $upper) (i64.const 100000000))))
    ;; $eight for both halves at once.
    (local.set $digits (i64x2.replace_lane 1 (i64x2.splat (local.get $upper)) (local.get $value)))
    (local.set $quotients
      (i64x2.shr_u
        (i64x2.extmul_low_i32x4_u
          (i64x2.splat (i64.or (local.get $upper) (i64.shl (local.get $value) (i64.const 32))))
          (i32x4.splat (i32.const 3518437209)))
        (i32.const 45)))
    (local.set $digits
      (v128.or
        (local.get $quotients)
        (i64x2.shl
          (i32x4.sub (local.get $digits) (i32x4.mul (local.get $quotients) (i32x4.splat (i32.const 10000))))
          (i32.const 32))))
    (local.set $quotients
      (i32x4.shr_u (i32x4.mul (local.get $digits) (i32x4.splat (i32.const 5243))) (i32.const 19)))
    (local.set $digits
      (v128.or
        (local.get $quotients)
        (i32x4.shl
          (i16x8.sub (local.get $digits) (i16x8.mul (local.get $quotients) (i16x8.splat (i32.const 100))))
          (i32.const 16))))
    (local.set $quotients
      (i16x8.shr_u (i16x8.mul (local.get $digits) (i16x8.splat (i32.const 103))) (i32.const 10)))
    (local.set $digits
      (v128.or
        (local.get $quotients)
        (i16x8.shl
          (i16x8.sub (local.get $digits) (i16x8.mul (local.get $quotients) (i16x8.splat (i32.const 10))))
          (i32.const 8))))
    (v128.store (local.get $out) (v128.or (local.get $digits) (i8x16.splat (i32.const 0x30))))
    (i32.add (local.get $out) (i32.const 16)))

  ;; The digits of a value below 10^8, without zeros in front.
  (func $short (param $out i32) (param $value i64) (result i32)
    (local $word i64) (local $zeros i64)
    (local.set $word (call $eight (local.get $value)))
    ;; Eight times the number of zeros; the last digit stays.
    (local.set $zeros
      (i64.and
        (i64.ctz (i64.or (i64.xor (local.get $word) (i64.const 0x3030303030303030)) (i64.const 0x0100000000000000)))
        (i64.const 56)))
    (i64.store (local.get $out) (i64.shr_u (local.get $word) (local.get $zeros)))
    (i32.sub
      (i32.add (local.get $out) (i32.const 8))
      (i32.wrap_i64 (i64.shr_u (local.get $zeros) (i64.const 3)))))

  ;; Eight digits of a value below 10^8, the first in the lowest byte: two halves of four digits, four of two, eight of one,
  ;; side by side in one word.
  (func $eight (param $value i64) (result i64)
    (local $word i64) (local $upper i64)
    (local.set $upper (i64.shr_u (i64.mul (local.get $value) (i64.const 3518437209)) (i64.const 45)))
    (local.set $word
      (i64.or
        (local.get $upper)
        (i64.shl (i64.sub (local.get $value) (i64.mul (local.get $upper) (i64.const 10000))) (i64.const 32))))
    (local.set $upper
      (i64.and (i64.shr_u (i64.mul (local.get $word) (i64.const 5243)) (i64.const 19)) (i64.const 0x0000007f0000007f)))
    (local.set $word
      (i64.or
        (local.get $upper)
        (i64.shl (i64.sub (local.get $word) (i64.mul (local.get $upper) (i64.const 100))) (i64.const 16))))
    (local.set $upper
      (i64.and (i64.shr_u (i64.mul (local.get $word) (i64.const 103)) (i64.const 10)) (i64.const 0x000f000f000f000f)))
    (i64.or
      (i64.or
        (local.get $upper)
        (i64.shl (i64.sub (local.get $word) (i64.mul (local.get $upper) (i64.const 10))) (i64.const 8)))
      (i64.const 0x3030303030303030)))

  ;; A byte string of up to 255 bytes and a comma; as $integer.
  (func $bytes (param $at i32) (param $end i32) (param $out i32) (result i32)
    (local $length i32) (local $to i32) (local $word i64) (local $behind i32)
    (if (i32.gt_u (i32.add (local.get $at) (i32.const 2)) (local.get $end)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0xc4)) (then (return (i32.const 0))))
    (local.set $length (i32.load8_u offset=1 (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 2)))
    (local.set $to (i32.add (local.get $at) (local.get $length)))
    (if (i32.gt_u (local.get $to) (local.get $end)) (then (return (i32.const 0))))
    (i32.store (i32.const 12) (i32.add (i32.load (i32.const 12)) (i32.const 1)))
    (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (local.get $length)))
    (i32.store (local.get $out) (i32.const 0x783022))
    (local.set $out (i32.add (local.get $out) (i32.const 3)))
    (local.set $behind (i32.add (local.get $out) (i32.shl (local.get $length) (i32.const 1))))
    (block $done
      ;; Four bytes at a time; up to three too many are read and written.
      (loop $again
        (br_if $done (i32.ge_u (local.get $at) (local.get $to)))
        (local.set $word (i64.load32_u (local.get $at)))
        (local.set $word
          (i64.and
            (i64.or (local.get $word) (i64.shl (local.get $word) (i64.const 16)))
            (i64.const 0x0000ffff0000ffff)))
        (local.set $word
          (i64.and
            (i64.or (local.get $word) (i64.shl (local.get $word) (i64.const 8)))
            (i64.const 0x00ff00ff00ff00ff)))
        (local.set $word
          (i64.or
            (i64.and (i64.shr_u (local.get $word) (i64.const 4)) (i64.const 0x000f000f000f000f))
            (i64.shl (i64.and (local.get $word) (i64.const 0x000f000f000f000f)) (i64.const 8))))
        ;; A digit of ten or more is a letter: 39 further on.
        (i64.store (local.get $out)
          (i64.add
            (i64.add (local.get $word) (i64.const 0x3030303030303030))
            (i64.mul
              (i64.and
                (i64.shr_u (i64.add (local.get $word) (i64.const 0x0606060606060606)) (i64.const 4))
                (i64.const 0x0101010101010101))
              (i64.const 39))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 8)))
        (br $again)))
    (i32.store16 (local.get $behind) (i32.const 0x2c22))
    (global.set $next (local.get $to))
    (i32.add (local.get $behind) (i32.const 2)))
