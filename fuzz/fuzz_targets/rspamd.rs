#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| targets::rspamd::run(octets));
