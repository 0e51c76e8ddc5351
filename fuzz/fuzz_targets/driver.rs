#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gemini_ws_fuzz::driver(data));
