//! The terminal while it is ours: full screen, keys, and back to what it was, however it ends.
//!
//! Used by `muster top` where standard output is a terminal. A key, a stop, a panic or a lost terminal each lead out by
//! [`ratatui::restore`], which gives back the screen, the cursor and the line mode. Log lines are held back meanwhile: they
//! would go right through the screen.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use tokio::sync::{mpsc, watch};

use super::entries::{Topic, topics};
use super::screen::{self, Palette};
use super::view::{Asked, View};
use super::{Known, Looker};
use crate::failpoint;
use crate::logging;
use crate::output::Output;
use crate::shutdown::Shutdown;

/// How long the thread that reads keys waits before it looks whether anybody still wants them.
const KEY_WAIT: Duration = Duration::from_millis(100);
/// How often ages are drawn anew.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// Whether a full screen can be shown and keys read.
pub fn is_there() -> bool {
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// Shows what is known, looking again and again, until a key or a signal ends it.
pub async fn watch(looker: Looker, every: Duration, shutdown: &Shutdown) -> anyhow::Result<()> {
    let (known, seen) = watch::channel(Known::default());
    let (pause, is_paused) = watch::channel(false);
    let looking = tokio::spawn(look(looker, every, known, is_paused));
    let held = logging::hold_back();
    let mut terminal = ratatui::try_init().context("could not take the terminal")?;
    let ended = show(&mut terminal, seen, &pause, shutdown).await;
    ratatui::restore();
    drop(held);
    looking.abort();
    ended
}

/// Looks until nobody wants to know.
async fn look(mut looker: Looker, every: Duration, known: watch::Sender<Known>, mut is_paused: watch::Receiver<bool>) {
    loop {
        let news = looker.look().await.clone();
        if known.send(news).is_err() {
            return;
        }
        tokio::time::sleep(every).await;
        if is_paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
    }
}

async fn show(
    terminal: &mut ratatui::DefaultTerminal,
    mut seen: watch::Receiver<Known>,
    pause: &watch::Sender<bool>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let palette = Palette {
        colours: Output::has_colours(),
    };
    let mut keys = keys()?;
    let mut view = View::default();
    let mut known = Known::default();
    let mut sorted: Vec<Topic> = Vec::new();
    let mut ages = tokio::time::interval(DRAW_EVERY);
    loop {
        failpoint::draw();
        terminal
            .draw(|frame| screen::draw(frame, &known, &sorted, &view, palette))
            .context("could not draw")?;
        tokio::select! {
            () = shutdown.asked() => return Ok(()),
            event = keys.recv() => match event {
                None => return Ok(()),
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    if view.press(key, &sorted) == Asked::Quit {
                        return Ok(());
                    }
                    pause.send_replace(view.paused);
                }
                // A terminal that became smaller and larger again has lost what we believe is on it. `clear` would also ask
                // it where its cursor is, and our own thread would read the answer as a key.
                Some(Event::Resize(..)) => {
                    let size = terminal.size().context("could not draw")?;
                    terminal.resize(size.into()).context("could not draw")?;
                }
                Some(_) => {}
            },
            news = seen.changed() => {
                news.context("looking at the ledger ended")?;
                known = seen.borrow_and_update().clone();
            }
            _ = ages.tick() => {}
        }
        sorted = topics(&known, view.sort, view.reversed);
    }
}

/// Events of the terminal, read on a thread of their own; none any more when the terminal is gone.
fn keys() -> anyhow::Result<mpsc::Receiver<Event>> {
    let (sender, keys) = mpsc::channel(16);
    let read = move || {
        while !sender.is_closed() {
            match event::poll(KEY_WAIT).and_then(|is_there| is_there.then(event::read).transpose()) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    if sender.blocking_send(event).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    };
    std::thread::Builder::new()
        .name("muster-keys".to_owned())
        .spawn(read)
        .context("could not start a thread")?;
    Ok(keys)
}
