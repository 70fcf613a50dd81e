  ;; Whole batches, from the first byte of a payload to the JSON objects of its events. Knows what engines send nearly always;
  ;; answers 0 to everything else, which JavaScript then looks at from the start. Part of the module that kernel.wat
  ;; begins: memory beyond its output is
  ;;   events 0x40000: a type (from 1) and the offset behind its object, each | fields 0x48000: by number, the size of the
  ;;   label, kind << 8, 1 << 16 where nil may come, 0 for one that is not known here | followers 0x48100: the field that
  ;;   last came behind this one (32: the first) | number of fields 0x481fc | labels 0x48400: 32 bytes each, `,"name":` |
  ;;   types 0x48800: 64 bytes each, size of the name, number of slots, name, from byte 24 the fields of its slots
  ;; and 32: the time, 40: 0 without a rank, 1 for nil, 2 for the number at 44.

  (global $in (mut i32) (i32.const 0))
  (global $limit (mut i32) (i32.const 0))
  (global $out (mut i32) (i32.const 0))
  ;; The text that $text took.
  (global $from (mut i32) (i32.const 0))
  (global $to (mut i32) (i32.const 0))

  ;; The number of events in `length` bytes of input; 0: not for this.
  (func (export "walk") (param $length i32) (result i32)
    (call $batch (local.get $length) (i32.const 0x16000)))

  ;; The same, written from `out` on; whole records where the globals of records.wat say so.
  (func $batch (param $length i32) (param $out i32) (result i32)
    (local $slots i32) (local $count i32) (local $left i32) (local $row i32) (local $type i32)
    (global.set $in (i32.const 0x5000))
    (global.set $limit (i32.add (i32.const 0x5000) (local.get $length)))
    (global.set $out (local.get $out))
    (local.set $slots (call $list))
    (if (i32.gt_u (i32.sub (local.get $slots) (i32.const 2)) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.eqz (call $time)) (then (return (i32.const 0))))
    (if (global.get $isRecording) (then (if (i32.eqz (call $timeText)) (then (return (i32.const 0))))))
    (local.set $count (call $list))
    (if (i32.gt_u (i32.sub (local.get $count) (i32.const 1)) (i32.const 4095)) (then (return (i32.const 0))))
    (local.set $row (i32.const 0x40000))
    (global.set $index (i32.const 0))
    (global.set $count (local.get $count))
    (local.set $left (local.get $count))
    (loop $again
      ;; One without fields is written without another look.
      (if (i32.gt_u (global.get $out) (i32.const 0x3fd00)) (then (return (i32.const 0))))
      (local.set $type (call $event))
      (if (i32.eqz (local.get $type)) (then (return (i32.const 0))))
      (if (global.get $isRecording)
        (then
          (i32.store16 (global.get $out) (i32.const 0x0a7d))
          (global.set $out (i32.add (global.get $out) (i32.const 2)))
          (global.set $index (i32.add (global.get $index) (i32.const 1)))))
      (i32.store (local.get $row) (local.get $type))
      (i32.store offset=4 (local.get $row) (i32.sub (global.get $out) (i32.const 0x16000)))
      (local.set $row (i32.add (local.get $row) (i32.const 8)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.store (i32.const 40) (i32.const 0))
    (if (i32.eq (local.get $slots) (i32.const 3))
      (then (if (i32.eqz (call $rank)) (then (return (i32.const 0))))))
    (select (local.get $count) (i32.const 0) (i32.eq (global.get $in) (global.get $limit))))

  (func $event (result i32)
    (local $slots i32)
    (local.set $slots (call $list))
    (if (i32.ge_s (local.get $slots) (i32.const 0)) (then (return (call $slots (local.get $slots)))))
    (call $entries (call $map)))

  ;; An event as a list: its type, then fields by their places.
  (func $slots (param $left i32) (result i32)
    (local $type i32) (local $field i32) (local $start i32)
    ;; Every type but the third has hashes.
    (if (i32.lt_s (local.get $left) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.eqz (call $text)) (then (return (i32.const 0))))
    (local.set $type (call $typeNamed))
    (if (i32.eqz (local.get $type)) (then (return (i32.const 0))))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (if (i32.gt_u (local.get $left) (i32.load offset=4 (local.get $type))) (then (return (i32.const 0))))
    (if (i32.and (i32.eqz (local.get $left)) (call $hasHashes (local.get $type))) (then (return (i32.const 0))))
    (if (global.get $isRecording) (then (if (i32.eqz (call $envelope (local.get $type))) (then (return (i32.const 0))))))
    (local.set $start (global.get $out))
    (local.set $field (i32.add (local.get $type) (i32.const 24)))
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $left)))
        (if (i32.eqz (call $field (i32.load8_u (local.get $field)))) (then (return (i32.const 0))))
        (local.set $field (i32.add (local.get $field) (i32.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $again)))
    (call $close (local.get $start))
    (call $numberOf (local.get $type)))

  ;; An event as a map: its type and its fields by name, in any order.
  (func $entries (param $left i32) (result i32)
    (local $type i32) (local $field i32) (local $last i32) (local $seen i32) (local $start i32)
    (if (i32.lt_s (local.get $left) (i32.const 1)) (then (return (i32.const 0))))
    (local.set $start (global.get $out))
    (local.set $last (i32.const 32))
    (loop $again
      (if (i32.eqz (call $text)) (then (return (i32.const 0))))
      (if (call $isTypeKey)
        (then
          (if (local.get $type) (then (return (i32.const 0))))
          (if (i32.eqz (call $text)) (then (return (i32.const 0))))
          (local.set $type (call $typeNamed))
          (if (i32.eqz (local.get $type)) (then (return (i32.const 0))))
          (if (global.get $isRecording)
            (then
              ;; Whatever stands in front of the type has no place behind the envelope.
              (if (local.get $seen) (then (return (i32.const 0))))
              (if (i32.eqz (call $envelope (local.get $type))) (then (return (i32.const 0))))
              (local.set $start (global.get $out)))))
        (else
          (if (i32.gt_u (global.get $isRecording) (i32.ne (local.get $type) (i32.const 0))) (then (return (i32.const 0))))
          (local.set $field (call $fieldNamed (local.get $last)))
          (if (i32.lt_s (local.get $field) (i32.const 0)) (then (return (i32.const 0))))
          (local.set $last (local.get $field))
          (if (i32.and (local.get $seen) (i32.shl (i32.const 1) (local.get $field))) (then (return (i32.const 0))))
          (local.set $seen (i32.or (local.get $seen) (i32.shl (i32.const 1) (local.get $field))))
          (if (i32.eqz (call $field (local.get $field))) (then (return (i32.const 0))))))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (if (i32.eqz (local.get $type)) (then (return (i32.const 0))))
    ;; Field 0 has the hashes.
    (if (i32.and (i32.eqz (i32.and (local.get $seen) (i32.const 1))) (call $hasHashes (local.get $type)))
      (then (return (i32.const 0))))
    (call $close (local.get $start))
    (call $numberOf (local.get $type)))

  ;; Each label begins with a comma: in front of the first is the bracket instead.
  (func $close (param $start i32)
    (if (i32.eq (local.get $start) (global.get $out))
      (then (global.set $out (i32.add (global.get $out) (i32.const 1)))))
    (i32.store8 (local.get $start) (i32.const 0x7b))
    (i32.store8 (global.get $out) (i32.const 0x7d))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))

  (func $numberOf (param $type i32) (result i32)
    (i32.sub (i32.shr_u (local.get $type) (i32.const 6)) (i32.const 0x121f)))

  ;; The third type is the only one without.
  (func $hasHashes (param $type i32) (result i32)
    (i32.ne (local.get $type) (i32.const 0x48880)))

  ;; Where the type stands whose name was taken, or 0.
  (func $typeNamed (result i32)
    (local $type i32) (local $size i32)
    (local.set $size (i32.sub (global.get $to) (global.get $from)))
    (local.set $type (i32.const 0x48800))
    (loop $again
      (if (i32.eq (i32.load (local.get $type)) (local.get $size))
        (then
          (if (call $same (global.get $from) (i32.add (local.get $type) (i32.const 8)) (local.get $size))
            (then (return (local.get $type))))))
      (local.set $type (i32.add (local.get $type) (i32.const 64)))
      (br_if $again (i32.load (local.get $type))))
    (i32.const 0))

  (func $isTypeKey (result i32)
    (i32.and
      (i32.eq (i32.sub (global.get $to) (global.get $from)) (i32.const 4))
      (i32.eq (i32.load (global.get $from)) (i32.const 0x65707974))))

  ;; The number of the field whose name was taken, or -1. Maps of one engine have their keys in one order.
  (func $fieldNamed (param $last i32) (result i32)
    (local $field i32)
    (local.set $field (i32.load8_u offset=0x48100 (local.get $last)))
    (if (call $isField (local.get $field)) (then (return (local.get $field))))
    (local.set $field (i32.const 0))
    (loop $again
      (if (call $isField (local.get $field))
        (then
          (i32.store8 offset=0x48100 (local.get $last) (local.get $field))
          (return (local.get $field))))
      (local.set $field (i32.add (local.get $field) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $field) (i32.load (i32.const 0x481fc)))))
    (i32.const -1))

  ;; A label has four bytes more than its name.
  (func $isField (param $field i32) (result i32)
    (local $size i32)
    (local.set $size (i32.sub (global.get $to) (global.get $from)))
    (if (i32.ne
          (i32.load8_u offset=0x48000 (i32.shl (local.get $field) (i32.const 2)))
          (i32.add (local.get $size) (i32.const 4)))
      (then (return (i32.const 0))))
    (call $same (global.get $from) (i32.add (i32.const 0x48402) (i32.shl (local.get $field) (i32.const 5))) (local.get $size)))

  ;; Whether as many bytes are the same; four at least. The last word overlaps the one before.
  (func $same (param $one i32) (param $other i32) (param $size i32) (result i32)
    (local $at i32)
    (if (i32.lt_u (local.get $size) (i32.const 8))
      (then
        (if (i32.lt_u (local.get $size) (i32.const 4)) (then (return (i32.const 0))))
        (local.set $at (i32.sub (local.get $size) (i32.const 4)))
        (return
          (i32.and
            (i32.eq (i32.load (local.get $one)) (i32.load (local.get $other)))
            (i32.eq
              (i32.load (i32.add (local.get $one) (local.get $at)))
              (i32.load (i32.add (local.get $other) (local.get $at))))))))
    (local.set $size (i32.sub (local.get $size) (i32.const 8)))
    (loop $again
      (if (i64.ne
            (i64.load (i32.add (local.get $one) (local.get $at)))
            (i64.load (i32.add (local.get $other) (local.get $at))))
        (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $again (i32.lt_u (local.get $at) (local.get $size))))
    (i64.eq
      (i64.load (i32.add (local.get $one) (local.get $size)))
      (i64.load (i32.add (local.get $other) (local.get $size)))))

  ;; A label and its value; 0 where that is none for this.
  (func $field (param $field i32) (result i32)
    (local $row i32) (local $label i32)
    ;; Enough for a label and the longest value that is not looked at for itself.
    (if (i32.gt_u (global.get $out) (i32.const 0x3fd00)) (then (return (i32.const 0))))
    (local.set $row (i32.load offset=0x48000 (i32.shl (local.get $field) (i32.const 2))))
    (if (i32.eqz (local.get $row)) (then (return (i32.const 0))))
    (local.set $label (i32.add (i32.const 0x48400) (i32.shl (local.get $field) (i32.const 5))))
    (v128.store (global.get $out) (v128.load (local.get $label)))
    (v128.store offset=16 (global.get $out) (v128.load offset=16 (local.get $label)))
    (global.set $out (i32.add (global.get $out) (i32.and (local.get $row) (i32.const 0xff))))
    (if (i32.and (local.get $row) (i32.const 0x10000)) (then (if (call $nil) (then (return (i32.const 1))))))
    (block $list
      (block $texts
        (block $text
          (block $integer
            (block $tokens
              (block $hash
                (block $hashes
                  (br_table $hashes $hash $tokens $integer $text $texts $list
                    (i32.and (i32.shr_u (local.get $row) (i32.const 8)) (i32.const 0xff))))
                (return (call $numbers (i32.const 1))))
              (return (if (result i32) (call $number (i32.const 1)) (then (i32.const 1)) (else (call $string)))))
            (return (call $numbers (i32.const 0))))
          (return (call $number (i32.const 0))))
        (return (call $quoted)))
      (return (call $values (i32.const 0))))
    (call $values (i32.const 1)))

  ;; Whether nil comes; then it is behind us.
  (func $nil (result i32)
    (if (i32.ge_u (global.get $in) (global.get $limit)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_u (global.get $in)) (i32.const 0xc0)) (then (return (i32.const 0))))
    (call $word (i32.const 0x6c6c756e) (i32.const 4))
    (i32.const 1))

  ;; A constant of one byte becomes so many letters.
  (func $word (param $letters i32) (param $size i32)
    (i32.store (global.get $out) (local.get $letters))
    (global.set $out (i32.add (global.get $out) (local.get $size)))
    (global.set $in (i32.add (global.get $in) (i32.const 1))))

  ;; A list of hashes or of token ids.
  (func $numbers (param $areHashes i32) (result i32)
    (local $count i32) (local $done i32) (local $first i32)
    (local.set $count (call $list))
    (if (i32.lt_s (local.get $count) (i32.const 0)) (then (return (i32.const 0))))
    (i32.store16 (global.get $out) (i32.const 0x5d5b))
    (local.set $first (i32.add (global.get $out) (i32.const 1)))
    (global.set $out (i32.add (local.get $first) (i32.const 1)))
    (if (i32.eqz (local.get $count)) (then (return (i32.const 1))))
    (if (local.get $areHashes)
      (then
        (local.set $done
          (call $hashes (global.get $in) (global.get $limit) (local.get $first) (local.get $count))))
      (else
        (local.set $done
          (call $tokens (global.get $in) (global.get $limit) (local.get $first) (local.get $count)))))
    (if (i32.ne (local.get $done) (local.get $count)) (then (return (i32.const 0))))
    (global.set $in (global.get $next))
    (global.set $out (global.get $written))
    (i32.store8 (i32.sub (global.get $out) (i32.const 1)) (i32.const 0x5d))
    (i32.const 1))

  (func $number (param $isHash i32) (result i32)
    (call $took (call $integer (global.get $in) (global.get $limit) (global.get $out) (local.get $isHash))))

  (func $string (result i32)
    (call $took (call $bytes (global.get $in) (global.get $limit) (global.get $out))))

  ;; What $integer and $bytes answer; the comma that they leave behind is not wanted.
  (func $took (param $behind i32) (result i32)
    (if (i32.eqz (local.get $behind)) (then (return (i32.const 0))))
    (global.set $in (global.get $next))
    (global.set $out (i32.sub (local.get $behind) (i32.const 1)))
    (i32.const 1))

  ;; A list of texts, or (from depth 1 on) of anything.
  (func $values (param $depth i32) (result i32)
    (local $left i32)
    (if (i32.gt_u (local.get $depth) (i32.const 32)) (then (return (i32.const 0))))
    (local.set $left (call $list))
    (if (i32.lt_s (local.get $left) (i32.const 0)) (then (return (i32.const 0))))
    (i32.store16 (global.get $out) (i32.const 0x5d5b))
    (global.set $out (i32.add (global.get $out) (i32.const 1)))
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $left)))
        (if (i32.gt_u (global.get $out) (i32.const 0x3fd00)) (then (return (i32.const 0))))
        (if (i32.eqz (call $value (local.get $depth))) (then (return (i32.const 0))))
        (i32.store16 (global.get $out) (i32.const 0x5d2c))
        (global.set $out (i32.add (global.get $out) (i32.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $again (local.get $left)))
      ;; In the place of the last comma.
      (global.set $out (i32.sub (global.get $out) (i32.const 1))))
    (i32.store8 (global.get $out) (i32.const 0x5d))
    (global.set $out (i32.add (global.get $out) (i32.const 1)))
    (i32.const 1))

  (func $value (param $depth i32) (result i32)
    (local $byte i32) (local $wide i32)
    (if (i32.eqz (local.get $depth)) (then (return (call $quoted))))
    (if (call $nil) (then (return (i32.const 1))))
    (if (i32.ge_u (global.get $in) (global.get $limit)) (then (return (i32.const 0))))
    (local.set $byte (i32.load8_u (global.get $in)))
    (if (i32.eq (local.get $byte) (i32.const 0xc3))
      (then
        (call $word (i32.const 0x65757274) (i32.const 4))
        (return (i32.const 1))))
    (if (i32.eq (local.get $byte) (i32.const 0xc2))
      (then
        (i32.store8 offset=4 (global.get $out) (i32.const 0x65))
        (call $word (i32.const 0x736c6166) (i32.const 4))
        (global.set $out (i32.add (global.get $out) (i32.const 1)))
        (return (i32.const 1))))
    (if (i32.or
          (i32.eq (i32.and (local.get $byte) (i32.const 0xf0)) (i32.const 0x90))
          (i32.eq (i32.and (local.get $byte) (i32.const 0xfe)) (i32.const 0xdc)))
      (then (return (call $values (i32.add (local.get $depth) (i32.const 1))))))
    ;; An integer that JSON could round has a form of its own here.
    (local.set $wide (i32.load (i32.const 8)))
    (if (call $number (i32.const 0)) (then (return (i32.eq (local.get $wide) (i32.load (i32.const 8))))))
    (call $quoted))

  ;; A text without anything that has to be escaped or looked at.
  (func $quoted (result i32)
    (local $at i32) (local $out i32) (local $byte i32)
    (if (i32.eqz (call $text)) (then (return (i32.const 0))))
    (local.set $at (global.get $from))
    (local.set $out (global.get $out))
    (if (i32.gt_u (i32.sub (global.get $to) (local.get $at)) (i32.sub (i32.const 0x3ff00) (local.get $out)))
      (then (return (i32.const 0))))
    (i32.store8 (local.get $out) (i32.const 0x22))
    (block $done
      (loop $again
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (br_if $done (i32.ge_u (local.get $at) (global.get $to)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (if (i32.gt_u (i32.sub (local.get $byte) (i32.const 0x20)) (i32.const 0x5f)) (then (return (i32.const 0))))
        (if (i32.eq (local.get $byte) (i32.const 0x22)) (then (return (i32.const 0))))
        (if (i32.eq (local.get $byte) (i32.const 0x5c)) (then (return (i32.const 0))))
        (i32.store8 (local.get $out) (local.get $byte))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $again)))
    (i32.store8 (local.get $out) (i32.const 0x22))
    (global.set $out (i32.add (local.get $out) (i32.const 1)))
    (i32.const 1))

  (func $rank (result i32)
    (local $byte i32) (local $value i32) (local $size i32)
    (if (i32.ge_u (global.get $in) (global.get $limit)) (then (return (i32.const 0))))
    (local.set $byte (i32.load8_u (global.get $in)))
    (local.set $size (i32.const 1))
    (block $taken
      (if (i32.eq (local.get $byte) (i32.const 0xc0))
        (then
          (i32.store (i32.const 40) (i32.const 1))
          (br $taken)))
      (i32.store (i32.const 40) (i32.const 2))
      (local.set $value (local.get $byte))
      (br_if $taken (i32.lt_u (local.get $byte) (i32.const 0x80)))
      (if (i32.ne (local.get $byte) (i32.const 0xcc)) (then (return (i32.const 0))))
      (local.set $value (i32.load8_u offset=1 (global.get $in)))
      (local.set $size (i32.const 2)))
    (i32.store (i32.const 44) (local.get $value))
    (global.set $in (i32.add (global.get $in) (local.get $size)))
    ;; One that is not whole lies behind the end now.
    (i32.const 1))

  ;; A double or an unsigned integer.
  (func $time (result i32)
    (local $byte i32) (local $word i64)
    (if (i32.gt_u (i32.add (global.get $in) (i32.const 9)) (global.get $limit)) (then (return (i32.const 0))))
    (local.set $byte (i32.load8_u (global.get $in)))
    (local.set $word
      (i64x2.extract_lane 0
        (i8x16.shuffle 7 6 5 4 3 2 1 0 7 6 5 4 3 2 1 0
          (v128.load64_splat offset=1 (global.get $in))
          (v128.const i64x2 0 0))))
    (global.set $in (i32.add (global.get $in) (i32.const 9)))
    (if (i32.eq (local.get $byte) (i32.const 0xcb))
      (then
        (i64.store (i32.const 32) (local.get $word))
        (return (i32.const 1))))
    (f64.store (i32.const 32) (f64.convert_i64_u (local.get $word)))
    ;; One that a double can hold.
    (i32.and
      (i32.eq (local.get $byte) (i32.const 0xcf))
      (i64.lt_u (local.get $word) (i64.const 0x20000000000000))))

  ;; Elements of the list that comes, or -1; moves only where there is one. Each of them needs a byte at least.
  (func $list (result i32)
    (call $length (i32.const 0x90) (i32.const 0xdc)))

  (func $map (result i32)
    (call $length (i32.const 0x80) (i32.const 0xde)))

  (func $length (param $fix i32) (param $sized i32) (result i32)
    (local $at i32) (local $byte i32) (local $length i32)
    (local.set $at (global.get $in))
    (if (i32.ge_u (local.get $at) (global.get $limit)) (then (return (i32.const -1))))
    (local.set $byte (i32.load8_u (local.get $at)))
    (block $known
      (local.set $length (i32.and (local.get $byte) (i32.const 0x0f)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $known (i32.eq (i32.and (local.get $byte) (i32.const 0xf0)) (local.get $fix)))
      (if (i32.ne (local.get $byte) (local.get $sized)) (then (return (i32.const -1))))
      (local.set $length (call $uint16 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (if (i32.gt_u (local.get $at) (global.get $limit)) (then (return (i32.const -1)))))
    (if (i32.gt_u (local.get $length) (i32.sub (global.get $limit) (local.get $at))) (then (return (i32.const -1))))
    (global.set $in (local.get $at))
    (local.get $length))

  ;; Whether a text comes; then it is behind us.
  (func $text (result i32)
    (local $at i32) (local $byte i32) (local $length i32)
    (local.set $at (global.get $in))
    (if (i32.ge_u (local.get $at) (global.get $limit)) (then (return (i32.const 0))))
    (local.set $byte (i32.load8_u (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (block $known
      (local.set $length (i32.and (local.get $byte) (i32.const 0x1f)))
      (br_if $known (i32.eq (i32.and (local.get $byte) (i32.const 0xe0)) (i32.const 0xa0)))
      (local.set $length (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $byte) (i32.const 0xd9))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $known)))
      (if (i32.ne (local.get $byte) (i32.const 0xda)) (then (return (i32.const 0))))
      (local.set $length (call $uint16 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 2))))
    (global.set $from (local.get $at))
    (global.set $to (i32.add (local.get $at) (local.get $length)))
    (if (i32.gt_u (global.get $to) (global.get $limit)) (then (return (i32.const 0))))
    (global.set $in (global.get $to))
    (i32.const 1))

  (func $uint16 (param $at i32) (result i32)
    (i32.or
      (i32.shl (i32.load8_u (local.get $at)) (i32.const 8))
      (i32.load8_u offset=1 (local.get $at))))
