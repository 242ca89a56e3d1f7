//! What must not compile: going round the gate. Each case states the compiler's reason beside it.

#[test]
fn nothing_goes_round_the_gate() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
