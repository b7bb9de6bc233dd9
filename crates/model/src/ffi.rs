//! LightGBM by its C interface: datasets, training, and prediction as the oracle of our own evaluator.
//!
//! Used by training, tests and the bench; scoring never comes here. The only file of this crate with `unsafe`. What must
//! stay true: every call runs on one thread of LightGBM's own (results then do not depend on the machine, and the
//! library's process-wide thread count never changes under another call's feet); text is given to LightGBM's parser only
//! after our strict one took it, because on cut text LightGBM reads out of bounds and ends the process.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Once;

use lightgbm3_sys as lib;

use crate::error::{Error, Result};
use crate::forest::Forest;
use crate::matrix::Matrix;

const ONE_THREAD: &CStr = c"num_threads=1 verbosity=-1";

/// What a prediction is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Probabilities, one a row.
    Probability,
    /// Raw scores, one a row.
    Raw,
    /// Contributions of each feature and the expected value, features + 1 a row.
    Contributions,
}

/// Binned training rows.
#[derive(Debug)]
pub struct Dataset {
    handle: lib::DatasetHandle,
}

/// A trained or loaded model in LightGBM's own memory.
#[derive(Debug)]
pub struct Booster {
    handle: lib::BoosterHandle,
    columns: usize,
    /// Training reads the dataset for as long as the booster lives; dropped after the handle is freed.
    _dataset: Option<Dataset>,
}

impl Dataset {
    /// Bins `matrix` with its labels. `parameters` is LightGBM's `key=value key=value`; dataset parameters, among them
    /// `categorical_feature`, take effect here and nowhere else.
    pub fn new(matrix: &Matrix, labels: &[f32], names: &[String], parameters: &str) -> Result<Self> {
        assert_eq!(matrix.rows(), labels.len(), "every row has a label");
        assert_eq!(matrix.columns(), names.len(), "every column has a name");
        quiet();
        let rows = count(matrix.rows())?;
        let parameters = c_text(parameters)?;
        let mut handle = null_mut();
        // SAFETY: `matrix.values()` holds exactly rows * columns doubles, row-major, and is only read during the call;
        // `parameters` ends in NUL; `handle` is a place to write to.
        check(unsafe {
            lib::LGBM_DatasetCreateFromMat(
                matrix.values().as_ptr().cast::<c_void>(),
                lib::C_API_DTYPE_FLOAT64 as c_int,
                rows,
                count(matrix.columns())?,
                1,
                parameters.as_ptr(),
                null_mut(),
                &raw mut handle,
            )
        })?;
        let dataset = Self { handle };
        // SAFETY: the handle is live; `labels` holds `rows` floats, copied during the call; the name ends in NUL.
        check(unsafe {
            lib::LGBM_DatasetSetField(
                dataset.handle,
                c"label".as_ptr(),
                labels.as_ptr().cast::<c_void>(),
                rows,
                lib::C_API_DTYPE_FLOAT32 as c_int,
            )
        })?;
        let names = names.iter().map(|name| c_text(name)).collect::<Result<Vec<_>>>()?;
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: the handle is live; `pointers` holds as many NUL-ended texts as told, copied during the call.
        check(unsafe {
            lib::LGBM_DatasetSetFeatureNames(dataset.handle, pointers.as_mut_ptr(), count(pointers.len())?)
        })?;
        Ok(dataset)
    }
}

impl Drop for Dataset {
    fn drop(&mut self) {
        // SAFETY: the handle came from LGBM_DatasetCreateFromMat and is freed once, here; no booster reads it any more,
        // since a booster owns its dataset and frees itself first.
        unsafe { lib::LGBM_DatasetFree(self.handle) };
    }
}

impl Booster {
    /// Trains `iterations` rounds, fewer where no split is left to make.
    pub fn train(dataset: Dataset, columns: usize, parameters: &str, iterations: u32) -> Result<Self> {
        quiet();
        let parameters = c_text(parameters)?;
        let mut handle = null_mut();
        // SAFETY: the dataset's handle is live and moves into the booster, so it outlives it; `parameters` ends in NUL.
        check(unsafe { lib::LGBM_BoosterCreate(dataset.handle, parameters.as_ptr(), &raw mut handle) })?;
        let booster = Self {
            handle,
            columns,
            _dataset: Some(dataset),
        };
        for _ in 0..iterations {
            let mut finished: c_int = 0;
            // SAFETY: the handle is live and used by this thread alone; `finished` is a place to write to.
            check(unsafe { lib::LGBM_BoosterUpdateOneIter(booster.handle, &raw mut finished) })?;
            if finished != 0 {
                break;
            }
        }
        Ok(booster)
    }

    /// Loads a model's text, after our own parser took it.
    pub fn load(text: &str) -> Result<Self> {
        let forest = Forest::parse(text)?;
        quiet();
        let text = c_text(text)?;
        let mut handle = null_mut();
        let mut iterations: c_int = 0;
        // SAFETY: the text ends in NUL, is only read during the call, and is whole: `Forest::parse` checked sizes,
        // lengths and indices, all that LightGBM's parser and evaluator trust.
        check(unsafe { lib::LGBM_BoosterLoadModelFromString(text.as_ptr(), &raw mut iterations, &raw mut handle) })?;
        Ok(Self {
            handle,
            columns: forest.columns(),
            _dataset: None,
        })
    }

    /// The model's text.
    pub fn text(&self) -> Result<String> {
        let mut buffer = vec![0_u8; 1 << 20];
        loop {
            let mut length = 0_i64;
            // SAFETY: the handle is live; `buffer` is as long as told, and LightGBM writes nothing when it is too short.
            check(unsafe {
                lib::LGBM_BoosterSaveModelToString(
                    self.handle,
                    0,
                    -1,
                    lib::C_API_FEATURE_IMPORTANCE_SPLIT as c_int,
                    buffer.len() as i64,
                    &raw mut length,
                    buffer.as_mut_ptr().cast::<c_char>(),
                )
            })?;
            let length = usize::try_from(length).unwrap_or_default();
            if length <= buffer.len() {
                buffer.truncate(length.saturating_sub(1));
                return String::from_utf8(buffer).map_err(|_| Error::LightGbm("its model is not UTF-8".into()));
            }
            buffer.resize(length, 0);
        }
    }

    /// Predicts all rows of `matrix`.
    pub fn predict(&self, matrix: &Matrix, output: Output) -> Result<Vec<f64>> {
        if matrix.columns() != self.columns {
            return Err(Error::Signature(format!(
                "the model has {} features, {} were given",
                self.columns,
                matrix.columns()
            )));
        }
        quiet();
        let rows = count(matrix.rows())?;
        let kind = match output {
            Output::Probability => lib::C_API_PREDICT_NORMAL,
            Output::Raw => lib::C_API_PREDICT_RAW_SCORE,
            Output::Contributions => lib::C_API_PREDICT_CONTRIB,
        } as c_int;
        let mut length = 0_i64;
        // SAFETY: the handle is live; `length` is a place to write to.
        check(unsafe { lib::LGBM_BoosterCalcNumPredict(self.handle, rows, kind, 0, -1, &raw mut length) })?;
        let mut result = vec![0.0_f64; usize::try_from(length).unwrap_or_default()];
        let mut written = 0_i64;
        // SAFETY: `matrix.values()` holds rows * columns doubles and columns is the model's; `result` is as long as
        // LightGBM itself says this prediction is.
        check(unsafe {
            lib::LGBM_BoosterPredictForMat(
                self.handle,
                matrix.values().as_ptr().cast::<c_void>(),
                lib::C_API_DTYPE_FLOAT64 as c_int,
                rows,
                count(matrix.columns())?,
                1,
                kind,
                0,
                -1,
                ONE_THREAD.as_ptr(),
                &raw mut written,
                result.as_mut_ptr(),
            )
        })?;
        Ok(result)
    }
}

impl Drop for Booster {
    fn drop(&mut self) {
        // SAFETY: the handle came from LightGBM and is freed once, here, before the dataset it reads.
        unsafe { lib::LGBM_BoosterFree(self.handle) };
    }
}

/// LightGBM's parameters and their aliases: a JSON object from name to a list of other names.
pub fn parameter_aliases() -> Result<String> {
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        let mut length = 0_i64;
        // SAFETY: `buffer` is as long as told, and LightGBM writes nothing when it is too short.
        check(unsafe {
            lib::LGBM_DumpParamAliases(
                buffer.len() as i64,
                &raw mut length,
                buffer.as_mut_ptr().cast::<c_char>(),
            )
        })?;
        let length = usize::try_from(length).unwrap_or_default();
        if length <= buffer.len() {
            buffer.truncate(length.saturating_sub(1));
            return String::from_utf8(buffer).map_err(|_| Error::LightGbm("its parameters are not UTF-8".into()));
        }
        buffer.resize(length, 0);
    }
}

/// Keeps LightGBM off standard output, in this thread, and to one thread, in this process.
fn quiet() {
    static ONE_THREAD_EACH: Once = Once::new();
    unsafe extern "C" fn drop_message(_: *const c_char) {}
    // SAFETY: the callback is a function that lives as long as the program and ignores its argument; the bound on
    // threads is a plain number, set once before any other call reads it.
    unsafe {
        ONE_THREAD_EACH.call_once(|| {
            lib::LGBM_SetMaxThreads(1);
        });
        lib::LGBM_RegisterLogCallback(Some(drop_message));
    }
}

fn check(code: c_int) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: LightGBM returns a pointer to this thread's NUL-ended message, which stays valid until its next call.
    let message = unsafe { CStr::from_ptr(lib::LGBM_GetLastError()) };
    Err(Error::LightGbm(message.to_string_lossy().into_owned()))
}

fn count(length: usize) -> Result<i32> {
    i32::try_from(length).map_err(|_| Error::LightGbm(format!("{length} is more than it counts to")))
}

fn c_text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::LightGbm("a text holds a NUL byte".into()))
}
