//! Applies a client's terminal modes to a terminal.

use std::os::fd::AsFd;

use nix::sys::termios::{
    ControlFlags, InputFlags, LocalFlags, OutputFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr,
    tcsetattr,
};
use russh::Pty;

/// Sets every mode that this system knows; the others are ignored, as the protocol says.
pub(crate) fn apply(terminal: impl AsFd, modes: &[(Pty, u32)]) {
    let Ok(mut termios) = tcgetattr(&terminal) else { return };
    for &(mode, value) in modes {
        set(&mut termios, mode, value);
    }
    if let Err(error) = tcsetattr(&terminal, SetArg::TCSANOW, &termios) {
        tracing::debug!(%error, "cannot set terminal modes");
    }
}

fn set(termios: &mut Termios, mode: Pty, value: u32) {
    if let Some(index) = control_character(mode) {
        termios.control_chars[index as usize] = u8::try_from(value).unwrap_or(0);
        return;
    }
    let on = value != 0;
    if let Some(flag) = local_flag(mode) {
        termios.local_flags.set(flag, on);
    } else if let Some(flag) = input_flag(mode) {
        termios.input_flags.set(flag, on);
    } else if let Some(flag) = output_flag(mode) {
        termios.output_flags.set(flag, on);
    } else if let Some(flag) = control_flag(mode) {
        termios.control_flags.set(flag, on);
    }
}

fn control_character(mode: Pty) -> Option<SpecialCharacterIndices> {
    use SpecialCharacterIndices as Index;
    Some(match mode {
        Pty::VINTR => Index::VINTR,
        Pty::VQUIT => Index::VQUIT,
        Pty::VERASE => Index::VERASE,
        Pty::VKILL => Index::VKILL,
        Pty::VEOF => Index::VEOF,
        Pty::VEOL => Index::VEOL,
        Pty::VEOL2 => Index::VEOL2,
        Pty::VSTART => Index::VSTART,
        Pty::VSTOP => Index::VSTOP,
        Pty::VSUSP => Index::VSUSP,
        Pty::VREPRINT => Index::VREPRINT,
        Pty::VWERASE => Index::VWERASE,
        Pty::VLNEXT => Index::VLNEXT,
        Pty::VDISCARD => Index::VDISCARD,
        _ => return None,
    })
}

fn local_flag(mode: Pty) -> Option<LocalFlags> {
    Some(match mode {
        Pty::ISIG => LocalFlags::ISIG,
        Pty::ICANON => LocalFlags::ICANON,
        Pty::ECHO => LocalFlags::ECHO,
        Pty::ECHOE => LocalFlags::ECHOE,
        Pty::ECHOK => LocalFlags::ECHOK,
        Pty::ECHONL => LocalFlags::ECHONL,
        Pty::NOFLSH => LocalFlags::NOFLSH,
        Pty::TOSTOP => LocalFlags::TOSTOP,
        Pty::IEXTEN => LocalFlags::IEXTEN,
        Pty::ECHOCTL => LocalFlags::ECHOCTL,
        Pty::ECHOKE => LocalFlags::ECHOKE,
        Pty::PENDIN => LocalFlags::PENDIN,
        _ => return None,
    })
}

fn input_flag(mode: Pty) -> Option<InputFlags> {
    Some(match mode {
        Pty::IGNPAR => InputFlags::IGNPAR,
        Pty::PARMRK => InputFlags::PARMRK,
        Pty::INPCK => InputFlags::INPCK,
        Pty::ISTRIP => InputFlags::ISTRIP,
        Pty::INLCR => InputFlags::INLCR,
        Pty::IGNCR => InputFlags::IGNCR,
        Pty::ICRNL => InputFlags::ICRNL,
        Pty::IXON => InputFlags::IXON,
        Pty::IXANY => InputFlags::IXANY,
        Pty::IXOFF => InputFlags::IXOFF,
        Pty::IMAXBEL => InputFlags::IMAXBEL,
        Pty::IUTF8 => InputFlags::IUTF8,
        _ => return None,
    })
}

fn output_flag(mode: Pty) -> Option<OutputFlags> {
    Some(match mode {
        Pty::OPOST => OutputFlags::OPOST,
        Pty::OLCUC => OutputFlags::OLCUC,
        Pty::ONLCR => OutputFlags::ONLCR,
        Pty::OCRNL => OutputFlags::OCRNL,
        Pty::ONOCR => OutputFlags::ONOCR,
        Pty::ONLRET => OutputFlags::ONLRET,
        _ => return None,
    })
}

fn control_flag(mode: Pty) -> Option<ControlFlags> {
    Some(match mode {
        Pty::CS7 => ControlFlags::CS7,
        Pty::CS8 => ControlFlags::CS8,
        Pty::PARENB => ControlFlags::PARENB,
        Pty::PARODD => ControlFlags::PARODD,
        _ => return None,
    })
}
