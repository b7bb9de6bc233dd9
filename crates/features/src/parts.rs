//! Parts of merged files as a table: the rows of one batch that others' rows lie around.
//!
//! Used by [`crate::session`] where a file's list is not all of its rows: a batch that was merged before it was scored.
//! Rows are skipped by pages, nothing of the others is decoded that need not be.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::errors::ParquetError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures_util::stream;

/// Rows of a file.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where the file is.
    pub(crate) path: PathBuf,
    /// Rows before the first of them.
    pub(crate) first_row: u64,
    /// How many they are.
    pub(crate) rows: u64,
}

/// Parts one after another.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) schema: SchemaRef,
    pub(crate) parts: Vec<Part>,
}

impl PartitionStream for Parts {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (parts, schema) = (self.parts.clone(), Arc::clone(&self.schema));
        let batches = parts.into_iter().flat_map(move |part| part.batches(&schema));
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
    }
}

impl Part {
    /// Its rows with the columns of `schema`; one that the file lacks is null.
    fn batches(self, schema: &SchemaRef) -> impl Iterator<Item = Result<RecordBatch>> + Send + use<> {
        let schema = Arc::clone(schema);
        let opened = self.open();
        let path = self.path;
        let (reader, failed) = match opened {
            Ok(reader) => (Some(reader), None),
            Err(error) => (None, Some(Err(error))),
        };
        let read = reader.into_iter().flatten();
        let fitted = read.map(move |rows| rows.and_then(|rows| fit(&rows, &schema)));
        failed.into_iter().chain(fitted).map(move |rows| {
            // By name, so that it can be told which file was at fault.
            rows.map_err(|error| {
                let error = ParquetError::General(format!("{}: {error}", path.display()));
                DataFusionError::ParquetError(Box::new(error))
            })
        })
    }

    fn open(&self) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + use<>, ArrowError> {
        let file = File::open(&self.path)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        Ok(builder
            .with_offset(self.first_row as usize)
            .with_limit(self.rows as usize)
            .build()?)
    }
}

fn fit(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| {
        rows.column_by_name(field.name()).map_or_else(
            || Ok(new_null_array(field.data_type(), rows.num_rows())),
            |column| cast(column, field.data_type()),
        )
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<Vec<ArrayRef>, _>>()?)
}
