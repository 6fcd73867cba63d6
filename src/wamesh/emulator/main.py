"""`wamesh emulator`: runs the network that the settings choose, until it is told to stop."""

import structlog

from wamesh.emulator.serving import Emulator
from wamesh.rpc.server import stop_signal
from wamesh.settings import EmulatorSettings

_log = structlog.get_logger("emulator")


async def run(settings: EmulatorSettings) -> None:
    """Serves until SIGTERM or SIGINT. Raises WrongSetting, PortTaken."""
    stop = stop_signal()
    emulator = await _serve(settings)
    _log.info("simulated WhatsApp is ready", port=emulator.port)
    await stop.wait()
    await emulator.stop(settings.drain_seconds)


async def _serve(settings: EmulatorSettings) -> Emulator:
    """Loads one of the networks, and none of the other."""
    if settings.transport == "memory":
        from wamesh.emulator.memory.serving import serve_memory

        return await serve_memory(settings.emulator_address)
    from wamesh.emulator.protocol_serving import serve_protocol

    return await serve_protocol(
        settings.emulator_address,
        settings.emulator_wire_address,
        directory=None if settings.emulator_forget else settings.data_directory,
        seed=settings.emulator_seed,
    )
