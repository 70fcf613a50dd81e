  ;; Whole records, of batches that follow one another in a stream: the envelope is the same but for the numbers and the time.
  ;; Part of the module that kernel.wat begins; events.wat calls $envelope once the type of an event is known. Memory:
  ;;   digits of the sequence number 0x49000 | the time as text 0x49040 | sizes of the pieces below 0x49100: of the first, of
  ;;   one per type, 0x4911c: of the last | 0x49120: the most that an envelope takes, 0x49124: its rank, as at 40 and 44 |
  ;;   pieces 0x4a000, 4 kB each: up to the sequence number, one per type, and the last, behind the time, at 0x4e000 |
  ;;   texts around the numbers 0x4e800: 32 bytes each

  (global $isRecording (mut i32) (i32.const 0))
  (global $sequenceSize (mut i32) (i32.const 0))
  (global $timeSize (mut i32) (i32.const 0))
  (global $index (mut i32) (i32.const 0))
  (global $count (mut i32) (i32.const 0))

  ;; Writes the records of the batch of `length` bytes with this sequence number from `out` on; how many, or 0: not for this.
  (func (export "record") (param $length i32) (param $out i32) (param $high i32) (param $low i32) (result i32)
    (local $count i32)
    (global.set $isRecording (i32.const 1))
    (global.set $sequenceSize
      (i32.sub
        (call $digits (i32.const 0x49000)
          (i64.or
            (i64.shl (i64.extend_i32_u (local.get $high)) (i64.const 32))
            (i64.extend_i32_u (local.get $low))))
        (i32.const 0x49000)))
    (local.set $count (call $batch (local.get $length) (local.get $out)))
    (global.set $isRecording (i32.const 0))
    ;; A rank of another value or kind stands in the envelope.
    (if (i32.ne (i32.load (i32.const 40)) (i32.load (i32.const 0x49124))) (then (return (i32.const 0))))
    (if (i32.eq (i32.load (i32.const 40)) (i32.const 2))
      (then
        (if (i32.ne (i32.load (i32.const 44)) (i32.load (i32.const 0x49128))) (then (return (i32.const 0))))))
    (local.get $count))

  ;; Everything in front of the object of an event; 0 where there is no room.
  (func $envelope (param $type i32) (result i32)
    (local $number i32)
    (if (i32.gt_u (i32.add (global.get $out) (i32.load (i32.const 0x49120))) (i32.const 0x3fd00))
      (then (return (i32.const 0))))
    (local.set $number (call $numberOf (local.get $type)))
    (call $copy (i32.const 0x4a000) (i32.load (i32.const 0x49100)))
    (call $copy (i32.const 0x49000) (global.get $sequenceSize))
    (i32.store8 (global.get $out) (i32.const 0x2e))
    (global.set $out (call $short (i32.add (global.get $out) (i32.const 1)) (i64.extend_i32_u (global.get $index))))
    (call $copy
      (i32.add (i32.const 0x4a000) (i32.shl (local.get $number) (i32.const 12)))
      (i32.load offset=0x49100 (i32.shl (local.get $number) (i32.const 2))))
    (call $copy (i32.const 0x49000) (global.get $sequenceSize))
    (call $copy (i32.const 0x4e800) (i32.const 10))
    (global.set $out (call $short (global.get $out) (i64.extend_i32_u (global.get $index))))
    (call $copy (i32.const 0x4e820) (i32.const 9))
    (global.set $out (call $short (global.get $out) (i64.extend_i32_u (global.get $count))))
    (call $copy (i32.const 0x4e840) (i32.const 6))
    (call $copy (i32.const 0x49040) (global.get $timeSize))
    (call $copy (i32.const 0x4e000) (i32.load (i32.const 0x4911c)))
    (i32.const 1))

  ;; Behind what was written; up to 15 bytes too many, which are overwritten by what follows.
  (func $copy (param $from i32) (param $size i32)
    (local $at i32) (local $to i32)
    (local.set $at (global.get $out))
    (local.set $to (i32.add (local.get $at) (local.get $size)))
    (loop $again
      (v128.store (local.get $at) (v128.load (local.get $from)))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $to))))
    (global.set $out (local.get $to)))

  ;; The time of the batch as text, as time.ts writes it and for the same values; 0 for those that it leaves to the library.
  (func $timeText (result i32)
    (local $time f64) (local $seconds f64) (local $fraction f64) (local $millionths f64) (local $six f64)
    (local $distance f64) (local $seven f64)
    (local.set $time (f64.load (i32.const 32)))
    (if (i32.eqz (f64.ge (local.get $time) (f64.const 1073741824))) (then (return (i32.const 0))))
    (if (i32.eqz (f64.lt (local.get $time) (f64.const 2147483648))) (then (return (i32.const 0))))
    (local.set $seconds (f64.floor (local.get $time)))
    (local.set $fraction (f64.sub (local.get $time) (local.get $seconds)))
    (local.set $millionths (f64.mul (local.get $fraction) (f64.const 1000000)))
    (local.set $six (f64.floor (f64.add (local.get $millionths) (f64.const 0.5))))
    (local.set $distance (f64.abs (f64.sub (local.get $millionths) (local.get $six))))
    (if (f64.eq (local.get $six) (f64.const 1000000)) (then (return (i32.const 0))))
    ;; 10^6 / 2^23.
    (if (f64.lt (local.get $distance) (f64.const 0.11920928955078125))
      (then
        (call $places (local.get $seconds) (f64.mul (local.get $six) (f64.const 100)))
        (return (i32.const 1))))
    (local.set $fraction (f64.mul (local.get $fraction) (f64.const 10000000)))
    (local.set $seven (f64.floor (f64.add (local.get $fraction) (f64.const 0.5))))
    (if (f64.eq (local.get $distance) (f64.const 0.11920928955078125)) (then (return (i32.const 0))))
    (if (f64.eq (f64.sub (local.get $seven) (local.get $fraction)) (f64.const 0.5)) (then (return (i32.const 0))))
    (call $places (local.get $seconds) (f64.mul (local.get $seven) (f64.const 10)))
    (i32.const 1))

  ;; Seconds, and so many 10^-8 of one behind a point, without zeros at the end.
  (func $places (param $seconds f64) (param $fraction f64)
    (local $at i32) (local $word i64)
    (local.set $at (call $digits (i32.const 0x49040) (i64.trunc_f64_u (local.get $seconds))))
    (if (f64.ne (local.get $fraction) (f64.const 0))
      (then
        (i32.store8 (local.get $at) (i32.const 0x2e))
        (local.set $word (call $eight (i64.trunc_f64_u (local.get $fraction))))
        (i64.store offset=1 (local.get $at) (local.get $word))
        ;; Eight times the number of zeros at the end; the first digit is in the lowest byte.
        (local.set $word (i64.clz (i64.xor (local.get $word) (i64.const 0x3030303030303030))))
        (local.set $at
          (i32.sub
            (i32.add (local.get $at) (i32.const 9))
            (i32.wrap_i64 (i64.shr_u (local.get $word) (i64.const 3)))))))
    (global.set $timeSize (i32.sub (local.get $at) (i32.const 0x49040))))
