//! The walk beside a plain loop.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn every_structural_byte_is_met_once(
        bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(0_u8), any::<u8>()], 0..300),
        delimiter in prop_oneof![Just(b','), Just(0_u8), Just(b'\t')],
        start in 0_usize..300,
        jumps in proptest::collection::vec(0_usize..300, 0..4),
    ) {
        let start = start.min(bytes.len());
        let mut wanted: Vec<usize> = (start..bytes.len())
            .filter(|at| [delimiter, b'\n', b'"'].contains(&bytes[*at]))
            .collect();
        let mut walk = Structure::new(delimiter, &bytes, start);
        for jump in jumps {
            let met = walk.next(&bytes);
            prop_assert_eq!(met, wanted.first().copied());
            let Some(met) = met else { return Ok(()) };
            let place = met + 1 + jump;
            walk.seek(&bytes, place);
            wanted.retain(|at| *at >= place);
        }
        let mut met = Vec::new();
        while let Some(at) = walk.next(&bytes) {
            met.push(at);
        }
        prop_assert_eq!(met, wanted);
    }
}
