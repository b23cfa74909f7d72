#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| linkhop_fuzz::query::run(input));
